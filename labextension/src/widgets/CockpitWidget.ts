import type { IDisposable } from '@lumino/disposable';
import type { Message } from '@lumino/messaging';
import { Widget } from '@lumino/widgets';

import type { ICockpitApp } from '../tokens';

/**
 * A home of the app. The app is loaded when it is first shown, and follows the daemon only while it is
 * visible.
 */
export class CockpitWidget extends Widget {
  /**
   * @param _load Loads the app.
   */
  constructor(private readonly _load: () => Promise<ICockpitApp>) {
    super();
    this.addClass('jp-ComfyCockpit');
  }

  override dispose(): void {
    if (this.isDisposed) {
      return;
    }
    this._hide();
    this._mounted?.dispose();
    this._mounted = null;
    super.dispose();
  }

  protected override onAfterShow(message: Message): void {
    super.onAfterShow(message);
    void this._show();
  }

  protected override onAfterAttach(message: Message): void {
    super.onAfterAttach(message);
    if (this.isVisible) {
      void this._show();
    }
  }

  protected override onBeforeHide(message: Message): void {
    super.onBeforeHide(message);
    this._hide();
  }

  protected override onBeforeDetach(message: Message): void {
    super.onBeforeDetach(message);
    this._hide();
  }

  protected override onActivateRequest(message: Message): void {
    super.onActivateRequest(message);
    this.node.tabIndex = -1;
    this.node.focus();
  }

  private async _show(): Promise<void> {
    const app = await this._load();
    if (this.isDisposed) {
      return;
    }
    this._mounted ??= app.mount(this.node);
    if (this.isVisible) {
      this._hold ??= app.hold();
    }
  }

  private _hide(): void {
    this._hold?.dispose();
    this._hold = null;
  }

  private _mounted: IDisposable | null = null;
  private _hold: IDisposable | null = null;
}
