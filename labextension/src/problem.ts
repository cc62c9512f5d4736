import type { TranslationBundle } from '@jupyterlab/translation';

import { catalogue } from './catalogue';
import type { Problem } from './wire';

/** A problem as people read it. */
export interface IExplanation {
  /** What happened, in one sentence. */
  summary: string;
  /** All of what happened; null when the summary says it all. */
  detail: string | null;
  /** What to do. */
  hint: string | null;
}

const ENGLISH = catalogue({ __: text => text });

/**
 * How a problem is told. English: in the daemon's words. Another language: what kind of problem it is and what
 * to do, by its code; the daemon's own words are its detail.
 */
export function explain(
  problem: Pick<Problem, 'code' | 'title' | 'detail' | 'hint'>,
  trans: TranslationBundle
): IExplanation {
  const said = problem.detail ?? problem.title;
  const english = ENGLISH[problem.code];
  const words = catalogue(trans)[problem.code];
  if (english && words && words[0] !== english[0]) {
    const special = problem.hint !== english[1] ? problem.hint : null;
    return {
      summary: words[0],
      detail: [problem.detail, special].filter(Boolean).join('\n') || null,
      hint: words[1]
    };
  }
  const summary = firstSentence(said);
  return {
    summary,
    detail: said === summary ? null : said,
    hint: problem.hint
  };
}

/** Several problems as one: the first in a sentence, all of them on expanding. */
export function explainAll(
  problems: readonly Problem[],
  trans: TranslationBundle
): (IExplanation & { problem: Problem }) | null {
  const [first] = problems;
  if (!first) {
    return null;
  }
  const all = problems.flatMap(gathered);
  const told = all.map(problem => explain(problem, trans));
  const { summary, detail, hint } = explain(first, trans);
  if (all.length === 1 && first.args['said'] === undefined) {
    return { summary, detail, hint, problem: first };
  }
  return {
    summary,
    detail: all.map((problem, index) => line(problem, told[index])).join('\n'),
    hint: [...new Set(told.map(each => each.hint))].filter(Boolean).join('\n'),
    problem: first
  };
}

/** A problem that only sums up others is told by them too. */
function gathered(problem: Problem): Problem[] {
  return [problem, ...problem.errors.flatMap(gathered)];
}

function line(problem: Problem, told: IExplanation | undefined): string {
  const words = problem.detail ?? told?.summary ?? problem.title;
  const { said } = problem.args;
  return typeof said === 'string' ? `${words}\n${said}` : words;
}

/** What an error says that a request threw; its own problem, where it has one. */
export function explainError(
  error: unknown,
  trans: TranslationBundle
): IExplanation & { problem: Problem | null } {
  if (error instanceof Error && 'problem' in error) {
    const problem = error.problem as Problem;
    return { ...explain(problem, trans), problem };
  }
  const summary = error instanceof Error ? error.message : String(error);
  return { summary, detail: null, hint: null, problem: null };
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
