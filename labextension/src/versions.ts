import type { IState } from './state';
import type { Job, Problem, Versions, VersionStatus } from './wire';

/** What a row says of its version. */
export type VersionRow =
  | { kind: VersionStatus['state']; problems: readonly Problem[] }
  /** The spec has errors. */
  | { kind: 'invalid'; problems: readonly Problem[] }
  | { kind: 'queued'; place: number | null; job: Job | null }
  | { kind: 'working'; job: Job }
  | { kind: 'cancelling' }
  | { kind: 'failed'; job: Job; problems: readonly Problem[] };

export interface IVersionRow {
  readonly version: VersionStatus;
  readonly row: VersionRow;
}

/** Whether a job works on versions, and its subjects are ids of versions. */
export function ofVersions(job: Job): boolean {
  return job.kind.startsWith('versions.');
}

/** Whether a job runs workflows, and its subject is the version that they run on. */
export function ofWorkflows(job: Job): boolean {
  return job.kind.startsWith('workflows.');
}

/** The rows, in the daemon's order. Parts of a realization have no row of their own. */
export function versionRows(state: IState): readonly IVersionRow[] {
  const jobs = new Map<string, Job>();
  for (const job of state.jobs.values()) {
    if (ofVersions(job) && job.parent === null) {
      job.subjects.forEach(id => jobs.set(id, nextOf(jobs.get(id), job)));
    }
  }
  return (state.versions?.versions ?? []).map(version => ({
    version,
    row: rowOf(state, version, jobs.get(version.version_id) ?? null)
  }));
}

/** A running job comes before a waiting one, a waiting one before one that ended; else the later one counts. */
function nextOf(known: Job | undefined, job: Job): Job {
  const urgency = ({ state }: Job) =>
    state === 'running' ? 2 : state === 'queued' ? 1 : 0;
  return known && urgency(known) > urgency(job) ? known : job;
}

function rowOf(
  state: IState,
  version: VersionStatus,
  job: Job | null
): VersionRow {
  if (job?.state === 'queued' || job?.state === 'running') {
    if (state.cancelling.has(job.id)) {
      return { kind: 'cancelling' };
    }
    return job.state === 'queued'
      ? { kind: 'queued', place: job.queue_place, job }
      : { kind: 'working', job };
  }
  if (state.realizing.has(version.version_id)) {
    return { kind: 'queued', place: null, job: null };
  }
  const { differences } = version;
  if (differences.some(problem => problem.code === 'declaration_invalid')) {
    return { kind: 'invalid', problems: differences };
  }
  if (job?.state === 'failed' && job.problem) {
    return { kind: 'failed', job, problems: [job.problem] };
  }
  return { kind: version.state, problems: differences };
}

/** The versions after a realization was done: its row says so before the list is read anew. */
export function withRealized(
  versions: Versions | null,
  job: Job
): Versions | null {
  const { result } = job;
  if (
    !versions ||
    job.kind !== 'versions.realize' ||
    job.state !== 'done' ||
    !result ||
    !('environment_digest' in result)
  ) {
    return versions;
  }
  const settle = (version: VersionStatus): VersionStatus =>
    job.subjects.includes(version.version_id)
      ? {
          ...version,
          state: 'realized',
          target: result.target,
          lock_digest: result.lock_digest,
          environment_digest: result.environment_digest,
          differences: []
        }
      : version;
  return { ...versions, versions: versions.versions.map(settle) };
}

/** Whether something of the version is at its target: what can be rolled back. */
export function isBuilt(version: VersionStatus): boolean {
  return version.environment_digest !== null;
}
