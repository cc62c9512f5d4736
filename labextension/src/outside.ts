import type { TranslationBundle } from '@jupyterlab/translation';
import type { IDisposable } from '@lumino/disposable';
import { Signal, type ISignal } from '@lumino/signaling';
import { Widget } from '@lumino/widgets';

import { versionDone } from './components/versionWords';
import { headline } from './components/words';
import type { IDesk } from './desk';
import type { Formatter } from './format';
import type { CockpitModel } from './model';
import { explain } from './problem';
import { isActive, overview } from './state';
import { ofVersions } from './versions';
import type { Job } from './wire';

/** While a job that we know of runs, the model is held, though the panel may be hidden. */
export function followJobs(model: CockpitModel): void {
  let hold: IDisposable | null = null;
  model.subscribe(() => {
    const busy = isBusy(model);
    if (busy && !hold) {
      hold = model.hold();
    } else if (!busy && hold) {
      const ended = hold;
      hold = null;
      ended.dispose();
    }
  });
}

/** One message a batch, not one a file. */
export function announce(
  model: CockpitModel,
  desk: IDesk,
  trans: TranslationBundle,
  format: Formatter,
  show: () => void
): IDisposable {
  const models = (count: number) =>
    trans._n('%2 model', '%2 models', count, format.count(count));
  const done = (job: Job): string | null => {
    const count = job.subjects.length;
    switch (job.kind) {
      case 'models.install':
        return trans.__('Installed: %1', models(count));
      case 'models.verify':
        return trans.__('Verified: %1', models(count));
      case 'models.pin':
        return trans.__('Pinned: %1', models(count));
      default:
        return versionDone(job, trans, format);
    }
  };
  return model.onEnded(job => {
    if (job.state === 'failed') {
      const why = job.problem
        ? explain(job.problem, trans).summary
        : trans.__('Failed');
      desk.tell(why, 'error', { label: trans.__('Show'), run: show });
    } else if (job.state === 'cancelled') {
      const count = arrived(job);
      if (count > 0) {
        desk.tell(trans.__('Installed: %1', models(count)), 'success');
      }
    } else if (job.state === 'done') {
      const message = done(job);
      if (message) {
        const { result } = job;
        const wrong = ofVersions(job) && result && 'ok' in result && !result.ok;
        desk.tell(message, wrong ? 'error' : 'success');
      }
    }
  });
}

/** How many models a batch brought of which something was cancelled. */
function arrived({ kind, result }: Job): number {
  return kind === 'models.install' && result && 'models' in result
    ? result.models.filter(model => model.state === 'installed').length
    : 0;
}

/** What runs, in the lab's status bar; only while something does. */
export class StatusItem extends Widget {
  constructor(
    private readonly _model: CockpitModel,
    private readonly trans: TranslationBundle,
    private readonly _format: Formatter,
    show: () => void
  ) {
    super({ node: document.createElement('button') });
    this.addClass('jp-ComfyCockpit-status');
    this.node.addEventListener('click', show);
    this._model.subscribe(() => this._update());
  }

  active = false;

  get activeChanged(): ISignal<this, void> {
    return this._changed;
  }

  private _update(): void {
    const active = isBusy(this._model);
    if (active) {
      const state = this._model.getState();
      const { said, more } = headline(
        state,
        overview(state),
        this.trans,
        this._format
      );
      const text = more ? `${said} · ${more}` : said;
      if (text !== this.node.textContent) {
        this.node.textContent = text;
      }
    }
    if (active !== this.active) {
      this.active = active;
      this._changed.emit();
    }
  }

  private readonly _changed = new Signal<this, void>(this);
}

function isBusy(model: CockpitModel): boolean {
  return [...model.getState().jobs.values()].some(isActive);
}
