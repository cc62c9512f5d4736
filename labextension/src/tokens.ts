import { Token } from '@lumino/coreutils';

import type { CockpitModel } from './model';

/** Name of the package, prefix of every plugin and command id. */
export const NAME = 'jupyterlab-comfyui-cockpit';

/** Translation domain. */
export const DOMAIN = 'jupyterlab_comfyui_cockpit';

/** The product's name: the same in every language. */
export const TITLE = 'ComfyUI Cockpit';

/** Gives the one model that all views and commands share. */
export interface ICockpit {
  /** The model, loaded on first use: nothing of it is read when the lab starts. */
  model(): Promise<CockpitModel>;
}

export const ICockpit = new Token<ICockpit>(
  `${NAME}:ICockpit`,
  'The state of models and jobs that the panel and the commands share.'
);
