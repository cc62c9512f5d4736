import {
  ofVersions,
  versionRows,
  withRealized,
  type IVersionRow
} from './versions';
import type {
  Job,
  ModelsStatus,
  ModelStatus,
  Problem,
  Templates,
  Versions
} from './wire';

/** Where the page stands with the server. */
export type Connection =
  | { kind: 'loading' }
  | { kind: 'ready' }
  /** With a cause when it ended before and is being started again. */
  | { kind: 'starting'; cause: string | null; log: readonly string[] }
  | { kind: 'failed'; cause: string | null; log: readonly string[] }
  | { kind: 'absent' }
  | { kind: 'signed-out' }
  | { kind: 'unreachable' };

/** What the panel shows: its sections, or in their place something to choose from. */
export type Page = 'sections' | 'templates';

/** What the panel is divided into: tabs when wide, an accordion when narrow. */
export type Section = 'models' | 'versions';

/** A list that is folded away when the panel is narrow. */
export type Fold = Section | 'bundles';

/** Everything the views show. Replaced, never changed in place. */
export interface IState {
  readonly page: Page;
  /** The tab that is shown when wide. */
  readonly section: Section;
  readonly folded: ReadonlySet<Fold>;
  readonly connection: Connection;
  /** False when the server lets everybody in; null until it is known. */
  readonly authentication: boolean | null;
  readonly status: ModelsStatus | null;
  readonly versions: Versions | null;
  /** By id, in the order in which they were first seen. */
  readonly jobs: ReadonlyMap<string, Job>;
  /** Log lines of jobs that somebody looks at. */
  readonly logs: ReadonlyMap<string, readonly string[]>;
  /** Models whose install was asked for, but not yet answered. */
  readonly asked: ReadonlySet<string>;
  /** Versions whose realization was asked for, but not yet answered. */
  readonly realizing: ReadonlySet<string>;
  /** Jobs whose cancel was asked for; they end soon. */
  readonly cancelling: ReadonlySet<string>;
  /** A click that was refused, until it is read. */
  readonly refusal: Problem | null;
  /** Version of the server's part, where it is not this page's. */
  readonly otherVersion: string | null;
  /** The official templates, once somebody looked at them. */
  readonly templates: Templates | null;
  /** Templates that are being declared: their hosts are asked. */
  readonly declaring: ReadonlySet<string>;
}

export const EMPTY: IState = {
  page: 'sections',
  section: 'models',
  folded: new Set(),
  connection: { kind: 'loading' },
  authentication: null,
  status: null,
  versions: null,
  jobs: new Map(),
  logs: new Map(),
  asked: new Set(),
  realizing: new Set(),
  cancelling: new Set(),
  refusal: null,
  otherVersion: null,
  templates: null,
  declaring: new Set()
};

/** Log lines kept for each job. */
const LOG_LINES = 200;

export function isActive(job: Job): boolean {
  return job.state === 'queued' || job.state === 'running';
}

/** The state after the daemon's jobs are known anew: what it no longer knows is gone. */
export function withJobs(state: IState, jobs: readonly Job[]): IState {
  const next = new Map(jobs.map(job => [job.id, job]));
  const ids = (set: ReadonlySet<string>) =>
    new Set([...set].filter(id => next.has(id)));
  return {
    ...state,
    jobs: withoutGone(next),
    cancelling: ids(state.cancelling)
  };
}

/** The state after one job changed. An ended fetch is shown at its row at once. */
export function withJob(state: IState, job: Job): IState {
  const jobs = new Map(state.jobs);
  jobs.set(job.id, job);
  let { cancelling, asked, realizing } = state;
  if (!isActive(job)) {
    if (cancelling.has(job.id)) {
      cancelling = without(cancelling, [job.id]);
    }
  } else if (ofVersions(job)) {
    realizing = without(realizing, job.subjects);
  } else if (job.subjects.some(id => asked.has(id))) {
    asked = without(asked, job.subjects);
  }
  return {
    ...state,
    jobs: withoutGone(jobs),
    cancelling,
    asked,
    realizing,
    status: withOutcome(state.status, job),
    versions: withRealized(state.versions, job)
  };
}

export function withLog(
  state: IState,
  jobId: string,
  lines: readonly string[]
): IState {
  const known = state.logs.get(jobId);
  if (!known) {
    return state;
  }
  const logs = new Map(state.logs);
  logs.set(jobId, [...known, ...lines].slice(-LOG_LINES));
  return { ...state, logs };
}

export function without<T>(
  set: ReadonlySet<T>,
  gone: Iterable<T>
): ReadonlySet<T> {
  const next = new Set(set);
  for (const element of gone) {
    next.delete(element);
  }
  return next;
}

/**
 * Finished jobs go by themselves; children stay as long as their parent. Failed ones stay until they are
 * read, or until a later job of the same kind takes up the same subjects.
 */
function withoutGone(jobs: Map<string, Job>): Map<string, Job> {
  const top = [...jobs.values()].filter(job => job.parent === null);
  for (const job of top) {
    const over = job.state === 'done' || job.state === 'cancelled';
    const takenUp =
      job.state === 'failed' && top.some(later => takesUp(later, job));
    if (over || takenUp) {
      jobs.delete(job.id);
    }
  }
  for (const job of jobs.values()) {
    if (job.parent !== null && !isActive(job) && !jobs.has(job.parent)) {
      jobs.delete(job.id);
    }
  }
  return jobs;
}

function takesUp(later: Job, failed: Job): boolean {
  return (
    later.kind === failed.kind &&
    later.created_at > failed.created_at &&
    later.subjects.some(id => failed.subjects.includes(id))
  );
}

function withOutcome(
  status: ModelsStatus | null,
  job: Job
): ModelsStatus | null {
  if (!status || job.kind !== 'models.fetch' || isActive(job)) {
    return status;
  }
  const settle = (model: ModelStatus): ModelStatus => {
    if (!job.subjects.includes(model.id)) {
      return model;
    }
    switch (job.state) {
      case 'done':
        return { ...model, state: 'installed', job_id: null, problem: null };
      case 'failed':
        return { ...model, job_id: null, problem: job.problem };
      default:
        return { ...model, job_id: null };
    }
  };
  return { ...status, models: status.models.map(settle) };
}

/** What a row says of its model. */
export type Row =
  | { kind: 'installed' }
  | { kind: 'missing' }
  | { kind: 'queued'; place: number | null; job: Job | null }
  | { kind: 'working'; job: Job }
  | { kind: 'cancelling' }
  | { kind: 'failed'; problem: Problem }
  | { kind: 'invalid'; problem: Problem | null };

export interface IModelRow {
  readonly model: ModelStatus;
  readonly row: Row;
}

export interface IBundleRow {
  readonly id: string;
  readonly description: string | null;
  readonly total: number;
  readonly installed: number;
  /** Bytes that an install would fetch; null while unknown. */
  readonly missingBytes: number | null;
  /** Jobs that fetch models of the bundle now or next. */
  readonly fetches: readonly string[];
  /** Models that an install would still have to fetch and that nobody asked for yet. */
  readonly open: readonly string[];
  readonly autoInstall: boolean;
  readonly enabled: boolean;
}

export interface IOverview {
  readonly rows: readonly IModelRow[];
  readonly bundles: readonly IBundleRow[];
  readonly versions: readonly IVersionRow[];
  /** Top-level jobs: running and waiting, and failed ones that nobody read yet. */
  readonly queue: readonly Job[];
  readonly installed: number;
  readonly failed: number;
  /** False while models.json has errors: nothing is installed from it. */
  readonly installable: boolean;
  readonly missing: readonly string[];
  readonly missingBytes: number | null;
}

/** What the views need of the state, computed once for each state. */
export function overview(state: IState): IOverview {
  const models = state.status?.models ?? [];
  const bySubject = activeBySubject(state.jobs.values());
  const failures = failuresBySubject(state.jobs.values());
  const rows = models.map(model => ({
    model,
    row: rowOf(state, model, bySubject, failures)
  }));
  const byId = new Map(rows.map(entry => [entry.model.id, entry]));
  const bundles = (state.status?.bundles ?? []).map(bundle => {
    const members = bundle.models.flatMap(id => byId.get(id) ?? []);
    return {
      id: bundle.id,
      description: bundle.description,
      total: members.length,
      installed: members.filter(entry => entry.row.kind === 'installed').length,
      missingBytes: bundle.missing_bytes,
      fetches: members.flatMap(entry => fetchOf(entry.row) ?? []),
      open: members
        .filter(entry => isOpen(entry.row))
        .map(entry => entry.model.id),
      autoInstall: bundle.auto_install,
      enabled: bundle.enabled
    };
  });
  const installable = state.status?.declaration.state === 'ok';
  const missing = rows.filter(entry => isOpen(entry.row));
  const sizes = missing.map(entry => entry.model.size_bytes);
  return {
    rows,
    bundles,
    versions: versionRows(state),
    queue: [...state.jobs.values()].filter(job => job.parent === null),
    installed: rows.filter(entry => entry.row.kind === 'installed').length,
    failed: rows.filter(entry => entry.row.kind === 'failed').length,
    installable,
    missing: missing.map(entry => entry.model.id),
    missingBytes: sizes.every(size => size !== null)
      ? sizes.reduce<number>((sum, size) => sum + (size ?? 0), 0)
      : null
  };
}

function fetchOf(row: Row): string | null {
  const job = row.kind === 'queued' || row.kind === 'working' ? row.job : null;
  return job?.kind === 'models.fetch' ? job.id : null;
}

function isOpen(row: Row): boolean {
  return row.kind === 'missing' || row.kind === 'failed';
}

interface IActive {
  own: Job | null;
  parent: Job | null;
}

function activeBySubject(jobs: Iterable<Job>): ReadonlyMap<string, IActive> {
  const result = new Map<string, IActive>();
  const settled = new Set<string>();
  for (const job of jobs) {
    const own = job.kind === 'models.fetch';
    if (!job.kind.startsWith('models.')) {
      continue;
    }
    for (const id of job.subjects) {
      if (!isActive(job)) {
        settled.add(`${job.parent}/${id}`);
        continue;
      }
      const entry = result.get(id) ?? { own: null, parent: null };
      if (own) {
        entry.own = job;
      } else if (job.kind === 'models.install' || job.progress.current === id) {
        entry.parent = job;
      }
      result.set(id, entry);
    }
  }
  for (const [id, entry] of result) {
    if (entry.parent && !entry.own && settled.has(`${entry.parent.id}/${id}`)) {
      result.delete(id);
    }
  }
  return result;
}

function rowOf(
  state: IState,
  model: ModelStatus,
  active: ReadonlyMap<string, IActive>,
  failures: ReadonlyMap<string, Problem>
): Row {
  const { own, parent } = active.get(model.id) ?? { own: null, parent: null };
  if (own) {
    if (
      state.cancelling.has(own.id) ||
      (own.parent && state.cancelling.has(own.parent))
    ) {
      return { kind: 'cancelling' };
    }
    return own.state === 'queued'
      ? { kind: 'queued', place: own.queue_place, job: own }
      : { kind: 'working', job: own };
  }
  if (parent && parent.kind !== 'models.install') {
    return { kind: 'working', job: parent };
  }
  if (model.state === 'installed') {
    return { kind: 'installed' };
  }
  if (state.asked.has(model.id) || parent) {
    return { kind: 'queued', place: null, job: null };
  }
  if (model.state === 'invalid') {
    return { kind: 'invalid', problem: model.problem };
  }
  const problem = model.problem ?? failures.get(model.id) ?? null;
  return problem && problem.code !== 'cancelled'
    ? { kind: 'failed', problem }
    : { kind: 'missing' };
}

/** Why the last try to fetch a model failed, as long as nobody dismissed it. */
function failuresBySubject(jobs: Iterable<Job>): ReadonlyMap<string, Problem> {
  const result = new Map<string, Problem>();
  for (const job of jobs) {
    if (job.kind !== 'models.fetch' || isActive(job)) {
      continue;
    }
    for (const id of job.subjects) {
      if (job.state === 'failed' && job.problem) {
        result.set(id, job.problem);
      } else {
        result.delete(id);
      }
    }
  }
  return result;
}
