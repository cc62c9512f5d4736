import type { TranslationBundle } from '@jupyterlab/translation';

import type { Formatter } from '../format';
import type { VersionRow } from '../versions';
import type { Job, VersionStatus, VersionStep } from '../wire';
import type { ShapeName } from './shapes';
import { facts, phase, speed, type IHeadline, queued } from './words';

/** As many digits of a digest as the daemon's own sentences show. */
const DIGITS = 12;

/** The state of a row as a word and a shape. */
export function versionState(
  row: VersionRow,
  trans: TranslationBundle,
  format: Formatter
): { word: string; shape: ShapeName } {
  switch (row.kind) {
    case 'declared':
      return { word: trans.__('Declared'), shape: 'ring' };
    case 'resolved':
      return { word: trans.__('Resolved'), shape: 'lock' };
    case 'realized':
      return { word: trans.__('Realized'), shape: 'check' };
    case 'stale':
      return { word: trans.__('Stale'), shape: 'again' };
    case 'broken':
      return { word: trans.__('Broken'), shape: 'unequal' };
    case 'invalid':
      return { word: trans.__('Has errors'), shape: 'warning' };
    case 'failed':
      return { word: trans.__('Failed'), shape: 'warning' };
    case 'cancelling':
      return { word: trans.__('Cancelling'), shape: 'cross' };
    case 'queued':
      return queued(row.place, trans, format);
    case 'working':
      return versionPhase(row.job, trans);
  }
}

/** What a running job does now, as a word and a shape. */
export function versionPhase(
  job: Job,
  trans: TranslationBundle
): { word: string; shape: ShapeName } {
  return job.progress.phase === 'queued'
    ? { word: trans.__('Starting…'), shape: 'clock' }
    : phase(job, trans);
}

/** The first digits of its lock's digest, and where it is or would be. */
export function versionFacts({ lock_digest, target }: VersionStatus): string {
  return facts(lock_digest?.slice(0, DIGITS), target);
}

/** Which of its steps a job is at, from 1; null while that is not known. */
export function stepOf(
  job: Job,
  trans: TranslationBundle,
  format: Formatter
): string | null {
  const { done_steps: done, total_steps: total } = job.progress;
  return done === null || !total
    ? null
    : trans.__(
        '%1 of %2',
        format.count(Math.min(total, done + 1)),
        format.count(total)
      );
}

/** What a job works on now, in words where the daemon counts. */
export function currentOf(
  job: Job,
  trans: TranslationBundle,
  format: Formatter
): string | null {
  const { current } = job.progress;
  const packages = /^(\d+) packages$/.exec(current ?? '')?.[1];
  if (packages !== undefined) {
    const count = Number(packages);
    return trans._n('%2 package', '%2 packages', count, format.count(count));
  }
  switch (current) {
    case 'files':
      return trans.__('files');
    case 'done':
    case '':
      return null;
    default:
      return current;
  }
}

/** What a job of the queue is about. */
export function versionJobName(job: Job, trans: TranslationBundle): string {
  const [id = ''] = job.subjects;
  switch (job.kind) {
    case 'versions.realize':
      return trans.__('Realize %1', id);
    case 'versions.resolve':
      return trans.__('Resolve %1', id);
    case 'versions.verify-models':
      return trans.__('Verify the models of %1', id);
    case 'versions.reproduce':
      return trans.__('Reproduce %1', id);
    case 'versions.pack':
      return trans.__('Pack %1', id);
    case 'versions.gc':
      return trans.__('Collect garbage');
    case 'workflows.run':
      return trans.__('Run a workflow on %1', id);
    case 'workflows.hash':
      return trans.__('Compare a workflow on %1', id);
    default:
      return job.kind;
  }
}

/** The head's line while a job of versions runs. */
export function versionRunning(
  job: Job,
  trans: TranslationBundle,
  format: Formatter
): IHeadline {
  const [id = ''] = job.subjects;
  const said =
    job.kind === 'versions.realize'
      ? trans.__('Realizing %1', id)
      : job.kind === 'versions.resolve'
        ? trans.__('Resolving %1', id)
        : job.kind === 'versions.gc'
          ? trans.__('Collecting garbage')
          : versionJobName(job, trans);
  const more = facts(stepOf(job, trans, format), speed(job, trans, format));
  return { said, more, quarter: '' };
}

/** The one message at the end of a job; null: there is nothing to say. */
export function versionDone(
  job: Job,
  trans: TranslationBundle,
  format: Formatter
): string | null {
  const [id = ''] = job.subjects;
  const { result } = job;
  switch (job.kind) {
    case 'versions.realize':
      return result && 'state' in result && result.state === 'unchanged'
        ? trans.__('%1 was realized already.', id)
        : trans.__('%1 is realized.', id);
    case 'versions.resolve': {
      const count =
        result && 'changed' in result && 'lock_digest' in result
          ? result.changed.length
          : 0;
      return count === 0
        ? trans.__('%1 is resolved: nothing moved.', id)
        : trans._n(
            '%3 is resolved: %2 pin moved.',
            '%3 is resolved: %2 pins moved.',
            count,
            format.count(count),
            id
          );
    }
    case 'versions.verify-models': {
      const wrong =
        result && 'models' in result
          ? result.models.filter(model => model.state !== 'ok').length
          : 0;
      return wrong === 0
        ? trans.__('The models of %1 are in order.', id)
        : trans._n(
            '%2 model of %3 is not what it should be.',
            '%2 models of %3 are not what they should be.',
            wrong,
            format.count(wrong),
            id
          );
    }
    case 'versions.gc': {
      if (!result || !('removed' in result) || !('dry_run' in result)) {
        return null;
      }
      const freed = result.removed.reduce(
        (sum, each) => sum + ('freed_bytes' in each ? each.freed_bytes : 0),
        0
      );
      return result.dry_run ? null : trans.__('%1 freed', format.bytes(freed));
    }
    default:
      return null;
  }
}

/** A group of steps of a plan. */
export function kindWord(
  kind: VersionStep['kind'],
  trans: TranslationBundle
): string {
  switch (kind) {
    case 'commit':
      return trans.__('Commits');
    case 'checkout':
      return trans.__('Checkouts');
    case 'environment':
      return 'Python';
    case 'package':
      return trans.__('Packages');
    case 'model':
      return trans.__('Models');
    case 'link':
      return trans.__('Links');
    case 'switch':
      return trans.__('Switch');
  }
}

/** Where bytes come from. */
export function fromWord(
  from: NonNullable<VersionStep['from']>,
  trans: TranslationBundle
): string {
  switch (from) {
    case 'cache':
      return trans.__('cache');
    case 'network':
      return trans.__('network');
    case 'wheels':
      return trans.__('wheels');
    case 'file':
      return trans.__('this machine');
  }
}

/** Why something is left; the checkboxes beside it say how it goes. */
export function keptReason(reason: string, trans: TranslationBundle): string {
  switch (reason) {
    case 'Models; --remove-models removes them.':
      return trans.__('models');
    case 'Your own work; --remove-root removes it.':
      return trans.__('your own work');
    case 'Models lie outside of the version; other versions may use them.':
      return trans.__('models outside of the version');
    case 'It is in use.':
      return trans.__('in use');
    case '`version rollback` goes back to it.':
      return trans.__('kept for a rollback');
    default:
      return reason;
  }
}
