import '../../style/editor.css';

import type { Extension } from '@codemirror/state';
import type { Widget } from '@lumino/widgets';

import type { CockpitModel } from '../model';
import { ProblemError } from '../request';
import { lint } from './lint';

export { propose } from './completion';

/** The lab's editor, as far as we use it. */
interface IEditor {
  injectExtension(extension: Extension): void;
}

/** Checks what is written in an editor, as long as it is models.json. */
export function check(
  editor: IEditor,
  model: CockpitModel,
  applies: () => boolean
): void {
  editor.injectExtension(
    lint({
      applies,
      validate: text => model.validate(text),
      isStarting: error =>
        error instanceof ProblemError && error.problem.code === 'starting'
    })
  );
}

/** Whether a document is shown in the lab's own editor. */
export function isEditorWidget(
  widget: Widget
): widget is Widget & { content: { editor: IEditor } } {
  const { content } = widget as { content?: { editor?: Partial<IEditor> } };
  return typeof content?.editor?.injectExtension === 'function';
}
