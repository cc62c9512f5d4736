import { Token } from '@lumino/coreutils';
import type { IDisposable } from '@lumino/disposable';

import type { Actions } from './actions';
import type { CockpitModel } from './model';

/** Name of the package, prefix of every plugin and command id. */
export const NAME = 'jupyterlab-comfyui-cockpit';

/** Translation domain. */
export const DOMAIN = 'jupyterlab_comfyui_cockpit';

/** The product's name: the same in every language. */
export const TITLE = 'ComfyUI Cockpit';

/** The loaded app, as its homes and the commands see it. */
export interface ICockpitApp {
  readonly actions: Actions;
  /** Renders into a node until disposed. */
  mount(node: HTMLElement): IDisposable;
  /** Follows the daemon until disposed. */
  hold(): IDisposable;
}

/** Gives the one model and the one app that all views and commands share. */
export interface ICockpit {
  /** The model, loaded on first use: nothing of it is read when the lab starts. */
  model(): Promise<CockpitModel>;
  /** The app, loaded on first use too. */
  app(): Promise<ICockpitApp>;
}

export const ICockpit = new Token<ICockpit>(
  `${NAME}:ICockpit`,
  'The state of models and jobs, and the app, that the panel and the commands share.'
);
