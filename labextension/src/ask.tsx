import { Dialog } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';
import { useEffect, useState, type ReactElement } from 'react';

import type { IDialogOptions } from './desk';

/** Shows our content in the lab's own dialog; resolves with the answer, null when it was not accepted. */
export async function ask<T>(
  options: IDialogOptions<T>,
  frame: (content: ReactElement) => ReactElement,
  trans: TranslationBundle
): Promise<T | null> {
  const body = new Body<T>(options, frame);
  const buttons =
    options.accept === null
      ? [Dialog.cancelButton({ label: trans.__('Close') })]
      : [
          Dialog.cancelButton({ label: trans.__('Cancel') }),
          Dialog.okButton({ label: options.accept })
        ];
  const dialog = new Dialog<T | null>({ title: options.title, body, buttons });
  const { button, value } = await dialog.launch();
  return button.accept ? value : null;
}

class Body<T> extends ReactWidget implements Dialog.IBodyWidget<T | null> {
  constructor(
    private readonly _options: IDialogOptions<T>,
    private readonly _frame: (content: ReactElement) => ReactElement
  ) {
    super();
    this.addClass('jp-ComfyCockpit-dialog');
  }

  getValue(): T | null {
    return this._value;
  }

  protected override render(): ReactElement {
    return this._frame(
      <Answered
        needed={this._options.accept !== null}
        view={this._options.view}
        onAnswer={value => {
          this._value = value;
        }}
      />
    );
  }

  private _value: T | null = null;
}

/** The lab's dialog cannot be accepted as long as it holds an element that is marked as wrong. */
function Answered<T>(props: {
  needed: boolean;
  view: IDialogOptions<T>['view'];
  onAnswer(value: T | null): void;
}): ReactElement {
  const { needed, view, onAnswer } = props;
  const [value, setValue] = useState<T | null>(null);
  const [node, setNode] = useState<HTMLElement | null>(null);
  const content = useState(() => view(answer => setValue(() => answer)))[0];
  const open = needed && value === null;
  useEffect(() => {
    onAnswer(value);
    // The dialog looks for the mark when something was typed.
    node?.dispatchEvent(new Event('input', { bubbles: true }));
    if (node) {
      keepFocus(node, open);
    }
  }, [node, value, open, onAnswer]);
  return (
    <div
      ref={setNode}
      className="jp-ComfyCockpit-view"
      data-lm-suppress-shortcuts="true"
      tabIndex={-1}
    >
      {content}
      {open && <span className="jp-mod-error" hidden />}
    </div>
  );
}

/**
 * The button that accepts has the focus while it can be pressed, unless there is something to fill in. Where it
 * cannot, its focus would be lost, and with it the dialog's keys.
 */
function keepFocus(node: HTMLElement, open: boolean): void {
  const dialog = node.closest('.jp-Dialog');
  const active = document.activeElement;
  const unset =
    active === document.body || active === node || !dialog?.contains(active);
  if (open && unset) {
    const field = node.querySelector<HTMLElement>('input[type="text"]');
    (field ?? node).focus();
  } else if (!open && active === node) {
    dialog
      ?.querySelector<HTMLElement>('.jp-Dialog-button.jp-mod-accept')
      ?.focus();
  }
}
