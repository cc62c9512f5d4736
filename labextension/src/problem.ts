import type { Problem } from './wire';

/** A problem as people read it. */
export interface IExplanation {
  /** The first sentence of what happened. */
  summary: string;
  /** All of what happened. */
  detail: string;
  /** What to do. */
  hint: string | null;
}

/** How a problem is told: in the daemon's words. A translation by `code` and `args` takes its place here. */
export function explain(problem: Problem): IExplanation {
  const detail = problem.detail ?? problem.title;
  return { summary: firstSentence(detail), detail, hint: problem.hint };
}

/** `models.json:12:5`: where a problem is, as editors and terminals write it. */
export function place(problem: Problem): string | null {
  const { where } = problem;
  if (!where?.file) {
    return null;
  }
  return [where.file, where.line, where.column]
    .filter(part => part !== null)
    .join(':');
}

/** A full stop ends a sentence only before white space, so that `v1.5` and `a.safetensors` stay whole. */
function firstSentence(text: string): string {
  const line = text.split('\n', 1)[0] ?? '';
  return /^.*?[.!?。！？](?=\s|$)/.exec(line)?.[0] ?? line;
}
