import type { IVersionsClient } from './versionRequests';
import { isActive, without, type IState } from './state';
import type {
  CreateRequest,
  DeleteOptions,
  FreedResult,
  Job,
  Problem,
  RealizeResult,
  VersionDiff,
  VersionPlan,
  WrittenVersion
} from './wire';

/** Between two looks at a job whose result a dialog waits for. */
const LOOK_MS = 250;

/** What these verbs need of the model. */
export interface IVerbsHost {
  getState(): IState;
  set(change: Partial<IState>): void;
  /** Starts a job, and shows it; null when the daemon refuses, and the state says why. */
  ask(request: () => Promise<Job>): Promise<Job | null>;
  /** Null when the daemon refuses, and the state says why. */
  attempt<T>(request: () => Promise<T>): Promise<T | null>;
  job(id: string): Promise<Job>;
  /** Reads the versions anew. */
  refresh(): void;
}

/** The verbs of versions. Those of dialogs throw ProblemError or AnswerError: the dialog says why. */
export class VersionVerbs {
  constructor(
    private readonly _client: IVersionsClient,
    private readonly _host: IVerbsHost
  ) {}

  /** Realize; the row says "queued" before the daemon has answered. */
  async realize(id: string, lock?: string): Promise<Job | null> {
    const { _host: host } = this;
    const realizing = (set: ReadonlySet<string>) =>
      host.set({ realizing: set });
    realizing(new Set([...host.getState().realizing, id]));
    try {
      return await host.ask(() => this._client.realize(id, lock));
    } finally {
      realizing(without(host.getState().realizing, [id]));
    }
  }

  /** Ids, also while nobody follows the daemon. */
  async ids(): Promise<string[]> {
    const listed = await this._host.attempt(() => this._client.list());
    return listed?.versions.map(version => version.version_id) ?? [];
  }

  resolve(id: string): Promise<Job | null> {
    return this._host.ask(() => this._client.resolve(id, true));
  }

  verifyModels(id: string): Promise<Job | null> {
    return this._host.ask(() => this._client.verifyModels(id));
  }

  /** Goes to the build of the lock beside the spec, whatever the spec says by now. */
  realizeLock(id: string): Promise<Job | null> {
    const { versions } = this._host.getState();
    return this.realize(id, `${versions?.directory ?? ''}/${id}.lock.json`);
  }

  async rollback(id: string): Promise<RealizeResult | null> {
    const result = await this._host.attempt(() => this._client.rollback(id));
    this._host.refresh();
    return result;
  }

  /** What a realization would do. */
  plan(id: string): Promise<VersionPlan> {
    return this._client.plan(id);
  }

  diff(a: string, b: string): Promise<VersionDiff> {
    return this._client.diff(a, b);
  }

  create(request: CreateRequest): Promise<WrittenVersion> {
    return this._changing(this._client.create(request));
  }

  clone(id: string, to: string): Promise<WrittenVersion> {
    return this._changing(this._client.clone(id, to));
  }

  /** What a deletion would remove. */
  lookDelete(id: string, options: DeleteOptions): Promise<FreedResult> {
    return this._client.delete(id, { ...options, dry_run: true });
  }

  delete(id: string, options: DeleteOptions): Promise<FreedResult> {
    return this._changing(this._client.delete(id, options));
  }

  collectGarbage(): Promise<Job | null> {
    return this._host.ask(() => this._client.collectGarbage(false));
  }

  /** What a collection would remove. */
  async lookGarbage(): Promise<FreedResult> {
    let job = await this._client.collectGarbage(true);
    while (isActive(job)) {
      await new Promise(resolve => setTimeout(resolve, LOOK_MS));
      job = await this._host.job(job.id);
    }
    const { result } = job;
    if (result && 'removed' in result && 'dry_run' in result) {
      return result;
    }
    throw new JobFailed(job.problem);
  }

  private async _changing<T>(request: Promise<T>): Promise<T> {
    try {
      return await request;
    } finally {
      this._host.refresh();
    }
  }
}

/** The job whose result was waited for has none. */
class JobFailed extends Error {
  /** Only there when the daemon said why. */
  readonly problem?: Problem;

  constructor(problem: Problem | null) {
    super(problem?.detail ?? problem?.title ?? 'It was cancelled.');
    this.name = 'JobFailed';
    if (problem) {
      this.problem = problem;
    }
  }
}
