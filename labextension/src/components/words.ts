import type { TranslationBundle } from '@jupyterlab/translation';

import type { Formatter } from '../format';
import type { Connection, IOverview, IState, Row } from '../state';
import { isActive } from '../state';
import { ofVersions, ofWorkflows } from '../versions';
import type { Job, ModelStatus } from '../wire';
import type { ShapeName } from './shapes';
import { versionJobName, versionRunning } from './versionWords';

/** Between two facts of one line. */
export const DOT = ' · ';

/** Joins the facts that there are. */
export function facts(
  ...parts: readonly (string | null | undefined | false)[]
): string {
  return parts.filter(Boolean).join(DOT);
}

/** The state of a row as a word and a shape. */
export function rowState(
  row: Row,
  trans: TranslationBundle,
  format: Formatter
): { word: string; shape: ShapeName } {
  switch (row.kind) {
    case 'installed':
      return { word: trans.__('Installed'), shape: 'check' };
    case 'missing':
      return { word: trans.__('Missing'), shape: 'ring' };
    case 'queued':
      return queued(row.place, trans, format);
    case 'cancelling':
      return { word: trans.__('Cancelling'), shape: 'cross' };
    case 'failed':
      return { word: trans.__('Failed'), shape: 'warning' };
    case 'invalid':
      return { word: trans.__('Differs'), shape: 'unequal' };
    case 'working':
      return phase(row.job, trans);
  }
}

/** @param place in the queue, from 1; null while that is not known */
export function queued(
  place: number | null,
  trans: TranslationBundle,
  format: Formatter
): { word: string; shape: ShapeName } {
  const word =
    place === null
      ? trans.__('Queued')
      : trans.__('Queued (%1)', format.count(place));
  return { word, shape: 'clock' };
}

export function phase(
  job: Job,
  trans: TranslationBundle
): { word: string; shape: ShapeName } {
  if (job.progress.stalled) {
    return { word: trans.__('Stalled'), shape: 'warning' };
  }
  switch (job.progress.phase) {
    case 'queued':
      // It runs, and has not said yet what it does first.
      return job.state === 'running'
        ? { word: trans.__('Asking the host'), shape: 'down' }
        : { word: trans.__('Queued'), shape: 'clock' };
    case 'waiting':
      return { word: trans.__('Waiting for another program'), shape: 'clock' };
    case 'asking':
      return { word: trans.__('Asking the host'), shape: 'down' };
    case 'resolving':
      return { word: trans.__('Resolving'), shape: 'lens' };
    case 'looking':
    case 'checking':
      return { word: trans.__('Looking'), shape: 'lens' };
    case 'fetching':
      return { word: trans.__('Fetching'), shape: 'down' };
    case 'checkout':
      return { word: trans.__('Checking out'), shape: 'note' };
    case 'installing':
      return { word: trans.__('Installing'), shape: 'down' };
    case 'downloading':
      return { word: trans.__('Downloading'), shape: 'down' };
    case 'verifying':
      return { word: trans.__('Verifying'), shape: 'lens' };
    case 'starting':
      return { word: trans.__('Starting ComfyUI'), shape: 'clock' };
    case 'running':
      return { word: trans.__('Running the workflow'), shape: 'clock' };
    case 'delivering':
    case 'uploading':
      return { word: trans.__('Delivering the outputs'), shape: 'down' };
    case 'publishing':
    case 'done':
      return { word: trans.__('Finishing'), shape: 'check' };
  }
}

/** Why an installed file is trusted, for its tooltip. */
export function trust(model: ModelStatus, trans: TranslationBundle): string {
  switch (model.verified) {
    case 'declared':
      return trans.__('Its hash is the one in models.json.');
    case 'hub':
      return trans.__('Its hash is the one that the host published.');
    case 'none':
      return trans.__('No hash is known to compare it with.');
    case 'unchecked':
      return trans.__('Its hash was not compared yet.');
  }
}

export interface IHeadline {
  /** The part that changes seldom enough to be announced. */
  said: string;
  more: string;
  /** How far the running job is, announced at each quarter. */
  quarter: string;
}

/** What is going on now, in one line. */
export function headline(
  state: IState,
  view: IOverview,
  trans: TranslationBundle,
  format: Formatter
): IHeadline {
  const quiet = (said: string) => ({ said, more: '', quarter: '' });
  const { connection, status } = state;
  if (connection.kind !== 'ready' && connection.kind !== 'loading') {
    return quiet(connectionWord(connection, trans));
  }
  if (!status) {
    return quiet(trans.__('Loading…'));
  }
  const job =
    view.queue.find(entry => entry.state === 'running') ??
    view.queue.find(isActive);
  if (job) {
    return ofVersions(job) || ofWorkflows(job)
      ? versionRunning(job, trans, format)
      : running(job, state, trans, format);
  }
  const errors = status.declaration.errors.length;
  if (status.declaration.state === 'invalid') {
    return quiet(
      trans._n(
        '%2 error in models.json',
        '%2 errors in models.json',
        errors,
        format.count(errors)
      )
    );
  }
  const total = view.rows.length;
  if (total === 0 && view.versions.length > 0) {
    const built = view.versions.filter(({ row }) => row.kind === 'realized');
    return quiet(
      trans.__(
        '%1 of %2 versions realized',
        format.count(built.length),
        format.count(view.versions.length)
      )
    );
  }
  if (total === 0) {
    return quiet(trans.__('No models declared'));
  }
  if (view.failed > 0) {
    return quiet(
      trans._n(
        '%2 model failed',
        '%2 models failed',
        view.failed,
        format.count(view.failed)
      )
    );
  }
  const differing = view.rows.filter(
    entry => entry.row.kind === 'invalid'
  ).length;
  if (differing > 0) {
    return quiet(
      trans._n(
        '%2 file differs from models.json',
        '%2 files differ from models.json',
        differing,
        format.count(differing)
      )
    );
  }
  // What was asked for and has no job yet is not there either.
  const absent = total - view.installed;
  if (absent > 0) {
    return {
      ...quiet(
        trans.__(
          '%1 of %2 models missing',
          format.count(absent),
          format.count(total)
        )
      ),
      more:
        absent === view.missing.length && view.missingBytes
          ? format.bytes(view.missingBytes)
          : ''
    };
  }
  return quiet(
    trans._n(
      '%2 model installed',
      'All %2 models installed',
      total,
      format.count(total)
    )
  );
}

function running(
  job: Job,
  state: IState,
  trans: TranslationBundle,
  format: Formatter
): IHeadline {
  const { place, total } = steps(job, state);
  const { done_bytes: done, total_bytes: all } = job.progress;
  const quarter = all ? Math.floor((4 * (done ?? 0)) / all) : 0;
  const said =
    job.kind === 'models.verify'
      ? trans.__('Verifying %1 of %2', format.count(place), format.count(total))
      : job.kind === 'models.pin'
        ? trans.__(
            'Reading hashes, %1 of %2',
            format.count(place),
            format.count(total)
          )
        : trans.__(
            'Installing %1 of %2',
            format.count(place),
            format.count(total)
          );
  return {
    said,
    more: speed(job, trans, format),
    quarter: quarter > 0 && quarter < 4 ? format.percent(quarter, 4) : ''
  };
}

/** Rate and time left of a job. */
export function speed(
  job: Job,
  trans: TranslationBundle,
  format: Formatter
): string {
  const { bytes_per_second: rate, seconds_left: left } = job.progress;
  return facts(
    rate !== null && rate > 0 && format.rate(rate),
    left !== null && trans.__('%1 left', format.duration(left))
  );
}

/** What a job of the queue is about: its one model by name, or how many. */
export function jobName(
  job: Job,
  state: IState,
  trans: TranslationBundle,
  format: Formatter
): string {
  if (ofVersions(job) || ofWorkflows(job)) {
    return versionJobName(job, trans);
  }
  const count = job.subjects.length;
  const only = count === 1 ? job.subjects[0] : null;
  const model = state.status?.models.find(entry => entry.id === only);
  const what =
    model?.display_name ??
    trans._n('%2 model', '%2 models', count, format.count(count));
  switch (job.kind) {
    case 'models.install':
    case 'models.fetch':
      return trans.__('Install %1', what);
    case 'models.verify':
      return trans.__('Verify %1', what);
    case 'models.pin':
      return trans.__('Pin %1', what);
    default:
      return job.kind;
  }
}

/** Which of its subjects a job is at, from 1. */
export function steps(
  job: Job,
  state: IState
): { place: number; total: number } {
  const total = job.progress.total_steps ?? job.subjects.length;
  let done = job.progress.done_steps;
  if (done === null) {
    const children = [...state.jobs.values()].filter(
      child => child.parent === job.id
    );
    done = children.filter(child => !isActive(child)).length;
  }
  return { place: Math.min(total, done + 1), total };
}

export function connectionWord(
  connection: Connection,
  trans: TranslationBundle
): string {
  switch (connection.kind) {
    case 'loading':
      return trans.__('Loading…');
    case 'ready':
      return trans.__('Ready');
    case 'starting':
      return trans.__('Starting…');
    case 'failed':
      return trans.__('The daemon does not run');
    case 'absent':
      return trans.__('The server part is missing');
    case 'signed-out':
      return trans.__('Signed out');
    case 'unreachable':
      return trans.__('The server does not answer');
  }
}
