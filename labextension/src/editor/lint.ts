import { StateEffect, StateField, type Extension } from '@codemirror/state';
import {
  Decoration,
  EditorView,
  hoverTooltip,
  keymap,
  showTooltip,
  ViewPlugin,
  type DecorationSet,
  type Tooltip,
  type ViewUpdate
} from '@codemirror/view';

import type { Problem, ValidateResult } from '../wire';

/** A pause in typing after which the text is checked. */
const TYPING_MS = 400;
/** Between two tries while the daemon starts. */
const STARTING_MS = 2_000;

export interface ILintOptions {
  /** Whether the document is models.json now: it may have been renamed. */
  applies(): boolean;
  validate(text: string): Promise<ValidateResult>;
  /** Whether it is worth to ask again in a moment. */
  isStarting(error: unknown): boolean;
}

interface IMark {
  from: number;
  to: number;
  problem: Problem;
  warning: boolean;
}

interface IMarks {
  marks: readonly IMark[];
  decorations: DecorationSet;
  /** The one that the keyboard went to. */
  shown: IMark | null;
}

const NO_MARKS: IMarks = {
  marks: [],
  decorations: Decoration.none,
  shown: null
};

const setMarks = StateEffect.define<readonly IMark[]>();
const showMark = StateEffect.define<IMark | null>();

const marksField = StateField.define<IMarks>({
  create: () => NO_MARKS,
  update(value, transaction) {
    let { marks, decorations, shown } = value;
    if (transaction.docChanged) {
      const moved = (mark: IMark): IMark => ({
        ...mark,
        from: transaction.changes.mapPos(mark.from, 1),
        to: transaction.changes.mapPos(mark.to, -1)
      });
      marks = marks.map(moved).filter(mark => mark.from < mark.to);
      decorations = decorations.map(transaction.changes);
      shown = null;
    }
    for (const effect of transaction.effects) {
      if (effect.is(setMarks)) {
        marks = effect.value;
        decorations = Decoration.set(
          marks.map(mark =>
            Decoration.mark({
              class: `jp-ComfyCockpit-mark${mark.warning ? ' jp-mod-warning' : ''}`
            }).range(mark.from, mark.to)
          ),
          true
        );
        shown = null;
      } else if (effect.is(showMark)) {
        shown = effect.value;
      }
    }
    if (transaction.selection && !transaction.effects.some(isShow)) {
      shown = null;
    }
    return { marks, decorations, shown };
  },
  provide: field => [
    EditorView.decorations.from(field, value => value.decorations),
    showTooltip.from(field, value =>
      value.shown ? tooltip([value.shown]) : null
    )
  ]
});

function isShow(effect: StateEffect<unknown>): boolean {
  return effect.is(showMark);
}

/** Squiggles where the errors are; what to do on hover, and by F8 from error to error. */
export function lint(options: ILintOptions): Extension {
  return [
    marksField,
    ViewPlugin.define(view => new Checker(view, options)),
    hoverTooltip((view, position) => {
      const marks = view.state
        .field(marksField)
        .marks.filter(mark => mark.from <= position && position <= mark.to);
      return marks.length > 0 ? tooltip(marks) : null;
    }),
    keymap.of([
      { key: 'F8', run: view => goOn(view, 1) },
      { key: 'Shift-F8', run: view => goOn(view, -1) }
    ])
  ];
}

/** Asks the daemon after each pause in typing. */
class Checker {
  constructor(
    private readonly _view: EditorView,
    private readonly _options: ILintOptions
  ) {
    this._later(0);
  }

  update(update: ViewUpdate): void {
    if (update.docChanged) {
      this._later(TYPING_MS);
    }
  }

  destroy(): void {
    clearTimeout(this._timer);
    this._gone = true;
  }

  private _later(ms: number): void {
    clearTimeout(this._timer);
    this._timer = setTimeout(() => void this._check(), ms);
  }

  private async _check(): Promise<void> {
    const { doc } = this._view.state;
    if (!this._options.applies()) {
      this._show([]);
      return;
    }
    try {
      const { errors, warnings } = await this._options.validate(doc.toString());
      // What was typed meanwhile is checked on its own.
      if (!this._gone && this._view.state.doc.eq(doc)) {
        const marks = (problems: readonly Problem[], warning: boolean) =>
          problems.map(problem => markOf(this._view, problem, warning));
        this._show([...marks(errors, false), ...marks(warnings, true)]);
      }
    } catch (error) {
      // The panel says what is wrong with the connection; here it only stays unchecked.
      if (!this._gone && this._options.isStarting(error)) {
        this._later(STARTING_MS);
      }
    }
  }

  private _show(marks: readonly IMark[]): void {
    const known = this._view.state.field(marksField).marks;
    if (marks.length > 0 || known.length > 0) {
      this._view.dispatch({ effects: setMarks.of(marks) });
    }
  }

  private _timer: ReturnType<typeof setTimeout> | undefined;
  private _gone = false;
}

/** From the place of a problem to the end of the word or the string there. */
function markOf(view: EditorView, problem: Problem, warning: boolean): IMark {
  const { doc } = view.state;
  const number = Math.min(Math.max(problem.where?.line ?? 1, 1), doc.lines);
  const line = doc.line(number);
  const column = Math.max((problem.where?.column ?? 1) - 1, 0);
  const from = Math.min(line.from + column, line.to);
  const word = /^(?:"(?:[^"\\]|\\.)*"?|[\w.+-]+|.)/.exec(
    line.text.slice(from - line.from)
  );
  const to = from + (word?.[0].length ?? 0);
  // Nothing is left of the line: what stands before it.
  return from < to
    ? { from, to, problem, warning }
    : {
        from: Math.max(0, from - 1),
        to: Math.max(from, Math.min(1, doc.length)),
        problem,
        warning
      };
}

function goOn(view: EditorView, by: 1 | -1): boolean {
  const { marks } = view.state.field(marksField);
  const sorted = [...marks].sort((a, b) => (a.from - b.from) * by);
  const { head } = view.state.selection.main;
  const next = sorted.find(mark => (mark.from - head) * by > 0) ?? sorted.at(0);
  if (!next) {
    return false;
  }
  view.dispatch({
    selection: { anchor: next.from },
    effects: [
      showMark.of(next),
      EditorView.scrollIntoView(next.from, { y: 'center' })
    ]
  });
  return true;
}

function tooltip(marks: readonly IMark[]): Tooltip {
  const [first] = marks;
  return {
    pos: first?.from ?? 0,
    end: first?.to,
    above: true,
    create: () => {
      const dom = document.createElement('div');
      dom.className = 'jp-ComfyCockpit-hover';
      dom.setAttribute('role', 'status');
      for (const { problem } of marks) {
        const text = document.createElement('div');
        text.textContent = problem.detail ?? problem.title;
        dom.append(text);
        if (problem.hint) {
          const hint = document.createElement('div');
          hint.className = 'jp-ComfyCockpit-hint';
          hint.textContent = problem.hint;
          dom.append(hint);
        }
      }
      return { dom };
    }
  };
}
