import type { TranslationBundle } from '@jupyterlab/translation';
import { createContext, useContext } from 'react';

import type { Actions } from '../actions';
import type { Formatter } from '../format';
import type { CockpitModel } from '../model';

/** What the views need besides the state. */
export interface IServices {
  readonly model: CockpitModel;
  readonly actions: Actions;
  readonly trans: TranslationBundle;
  readonly format: Formatter;
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
