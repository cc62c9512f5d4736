import { Dialog } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';
import { useEffect, useState, type ReactElement } from 'react';

import { Refused } from './components/Refused';
import type { IDialogOptions } from './desk';

/** Shows our content in the lab's own dialog; resolves with the answer, null when it was not accepted. */
export async function ask<T>(
  options: IDialogOptions<T>,
  frame: (content: ReactElement) => ReactElement,
  trans: TranslationBundle
): Promise<T | null> {
  const body = new Body<T>(options, frame);
  const accept = options.warn ? Dialog.warnButton : Dialog.okButton;
  const buttons =
    options.accept === null
      ? [Dialog.cancelButton({ label: trans.__('Close') })]
      : [
          Dialog.cancelButton({ label: trans.__('Cancel') }),
          accept({ label: options.accept })
        ];
  const dialog = new AskDialog<T>(
    { title: options.title, body, buttons },
    options.accept !== null
  );
  // The lab gives the focus to a button that may not be pressed yet.
  void dialog.ready.then(() => body.keepFocus());
  const { button, value } = await dialog.launch();
  return button.accept ? value : null;
}

/** Accepting closes it only when that was done. */
class AskDialog<T> extends Dialog<T | null> {
  constructor(
    options: Partial<Dialog.IOptions<T | null>> & {
      body: Body<T>;
      buttons: readonly Dialog.IButton[];
    },
    private readonly _acceptable: boolean
  ) {
    super(options);
    this._asked = options.body;
    this._last = options.buttons.length - 1;
  }

  override handleEvent(event: Event): void {
    super.handleEvent(event);
    // The lab gives back what another part took to its last button, which may not be pressed yet.
    if (event.type === 'focus' && !this.node.contains(document.activeElement)) {
      this._asked.keepFocus();
    }
  }

  override resolve(index = this._last): void {
    if (!this._acceptable || index !== this._last) {
      super.resolve(index);
      return;
    }
    void this._asked.submit().then(done => {
      if (done) {
        super.resolve(index);
      }
    });
  }

  private readonly _asked: Body<T>;
  private readonly _last: number;
}

/** Where a dialog stands with what was accepted. */
type Submitted =
  { kind: 'no' } | { kind: 'busy' } | { kind: 'refused'; error: unknown };

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

  keepFocus(): void {
    const view = this.node.querySelector<HTMLElement>('.jp-ComfyCockpit-view');
    if (view) {
      keepFocus(view);
    }
  }

  /** Does what was accepted; false when the dialog has to stay. */
  async submit(): Promise<boolean> {
    const { submit } = this._options;
    const value = this._value;
    if (!submit) {
      return true;
    }
    if (value === null || this._submitted.kind === 'busy') {
      return false;
    }
    void this._say({ kind: 'busy' });
    try {
      await submit(value);
      await this._say({ kind: 'no' });
      return true;
    } catch (error) {
      void this._say({ kind: 'refused', error });
      return false;
    }
  }

  protected override render(): ReactElement {
    return this._frame(
      <Answered
        needed={this._options.accept !== null}
        view={this._options.view}
        submitted={this._submitted}
        busy={this._options.busy ?? ''}
        onAnswer={value => {
          this._value = value;
        }}
        onShown={this._shown}
      />
    );
  }

  /** Resolves when it is shown: until then the dialog holds to what was shown before. */
  private async _say(submitted: Submitted): Promise<void> {
    this._submitted = submitted;
    if (!this.isDisposed) {
      const shown = new Promise<void>(resolve => (this._onShown = resolve));
      this.update();
      await shown;
    }
  }

  private readonly _shown = (submitted: Submitted): void => {
    if (submitted === this._submitted) {
      this._onShown();
    }
  };

  private _onShown: () => void = () => undefined;
  private _value: T | null = null;
  private _submitted: Submitted = { kind: 'no' };
}

/** The lab's dialog cannot be accepted as long as it holds an element that is marked as wrong. */
function Answered<T>(props: {
  needed: boolean;
  view: IDialogOptions<T>['view'];
  submitted: Submitted;
  busy: string;
  onAnswer(value: T | null): void;
  onShown(submitted: Submitted): void;
}): ReactElement {
  const { needed, view, submitted, onAnswer, onShown } = props;
  const [value, setValue] = useState<T | null>(null);
  const [node, setNode] = useState<HTMLElement | null>(null);
  const content = useState(() => view(answer => setValue(() => answer)))[0];
  const busy = submitted.kind === 'busy';
  const open = needed && (value === null || busy);
  useEffect(() => {
    onAnswer(value);
    // The dialog looks for the mark when something was typed.
    node?.dispatchEvent(new Event('input', { bubbles: true }));
    if (node) {
      keepFocus(node);
    }
  }, [node, value, open, onAnswer]);
  useEffect(() => {
    if (!node) {
      return;
    }
    // What had the focus may be gone with what was shown before, and the dialog's keys with it.
    const lost = new MutationObserver(() => {
      if (document.activeElement === document.body) {
        keepFocus(node);
      }
    });
    lost.observe(node, { childList: true, subtree: true });
    return () => lost.disconnect();
  }, [node]);
  const [said, setSaid] = useState<HTMLElement | null>(null);
  useEffect(() => {
    said?.scrollIntoView({ block: 'nearest' });
    onShown(submitted);
  }, [said, submitted, onShown]);
  return (
    <div
      ref={setNode}
      className="jp-ComfyCockpit-view"
      data-lm-suppress-shortcuts="true"
      tabIndex={-1}
    >
      {content}
      {submitted.kind !== 'no' && (
        <div ref={setSaid} role="status" className="jp-ComfyCockpit-submitted">
          {submitted.kind === 'refused' ? (
            <Refused error={submitted.error} />
          ) : (
            props.busy
          )}
        </div>
      )}
      {open && <span className="jp-mod-error" hidden />}
    </div>
  );
}

/**
 * The button that accepts has the focus while it can be pressed, unless there is something to fill in. Where it
 * cannot, its focus would be lost, and with it the dialog's keys.
 */
function keepFocus(node: HTMLElement): void {
  const dialog = node.closest('.jp-Dialog');
  const active = document.activeElement;
  if (
    active === node ||
    !dialog?.contains(active) ||
    (active instanceof HTMLButtonElement && active.disabled)
  ) {
    const accept = dialog?.querySelector<HTMLButtonElement>(
      '.jp-Dialog-button.jp-mod-accept'
    );
    const field = node.querySelector<HTMLElement>('input[type="text"]');
    (accept && !accept.disabled ? accept : (field ?? node)).focus();
  }
}
