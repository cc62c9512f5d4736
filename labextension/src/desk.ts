import type { ReactElement } from 'react';

/** Where a menu opens: below a button, or at the pointer. */
export type Anchor = HTMLElement | { x: number; y: number };

export interface IMenuItem {
  label: string;
  run(): void;
  enabled: boolean;
}

export interface IDialogOptions<T> {
  title: string;
  /** Label of the button that accepts; null: there is only "Close". */
  accept: string | null;
  /**
   * The content. It says by `answer` what accepting means now; null: it cannot be accepted yet.
   */
  view(answer: (value: T | null) => void): ReactElement;
  /**
   * Does what was accepted while the dialog stays: it closes when that is done, and says why when it is refused.
   */
  submit?(value: T): Promise<void>;
  /** Said meanwhile. */
  busy?: string;
  /** Whether something is lost by accepting. */
  warn?: boolean;
}

/** What we use of the lab around us: a seam, so that the rest can be tested without one. */
export interface IDesk {
  /** Opens the menu of the panel below a button. */
  openMenu(anchor: HTMLElement): void;
  /** Opens a menu; null separates. */
  openRowMenu(items: readonly (IMenuItem | null)[], anchor: Anchor): void;
  /** Opens a file of the Jupyter root in the lab's editor; null where there is no such command. */
  readonly openFile:
    ((path: string, line?: number, column?: number) => Promise<void>) | null;
  /** Shows a folder of the Jupyter root in the lab's file browser; null where there is none. */
  readonly openFolder: ((path: string) => Promise<void>) | null;
  readText(path: string): Promise<string>;
  /** Makes a file of the Jupyter root; leaves one alone that is there. */
  makeText(path: string, text: string): Promise<void>;
  openPage(url: string): void;
  copy(text: string): void;
  /** Asks before something is lost. */
  confirm(title: string, body: string, accept: string): Promise<boolean>;
  /** Null when it was not accepted. */
  ask<T>(options: IDialogOptions<T>): Promise<T | null>;
  /** A message of the lab's own, with at most one button. */
  tell(
    message: string,
    tone: 'success' | 'error' | 'info',
    action?: { label: string; run: () => void }
  ): void;
  reloadPage(): void;
}
