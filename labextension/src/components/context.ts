import type { TranslationBundle } from '@jupyterlab/translation';
import { createContext, useContext } from 'react';

import type { Formatter } from '../format';
import type { CockpitModel } from '../model';

/** What the views need besides the state. */
export interface IServices {
  readonly model: CockpitModel;
  readonly trans: TranslationBundle;
  readonly format: Formatter;
  /** Opens the lab's own menu below the button. */
  openMenu(anchor: HTMLElement): void;
  /** Opens a file of the Jupyter root in the lab; null where there is no such command. */
  readonly openFile: ((path: string) => void) | null;
  /** Asks before something is lost. */
  confirm(title: string, body: string, accept: string): Promise<boolean>;
  reloadPage(): void;
}

const Context = createContext<IServices | null>(null);

export const ServicesProvider = Context.Provider;

export function useServices(): IServices {
  const services = useContext(Context);
  if (!services) {
    throw new Error('A view was rendered outside ServicesProvider.');
  }
  return services;
}
