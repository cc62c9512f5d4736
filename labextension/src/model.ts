import { DisposableDelegate, type IDisposable } from '@lumino/disposable';

import { AnswerError, ProblemError, type ICockpitClient } from './request';
import {
  EMPTY,
  isActive,
  withJob,
  withJobs,
  withLog,
  without,
  type Fold,
  type IState,
  type Page,
  type Section
} from './state';
import {
  backOff,
  EventParser,
  readEvents,
  SilentStreamError,
  type IServerEvent
} from './stream';
import { VERSION } from './version';
import { VersionVerbs } from './versionVerbs';
import type {
  ChangeEvent,
  DeclareRequest,
  DeclareResult,
  Doctor,
  FromWorkflowRequest,
  FromWorkflowResult,
  Health,
  IServerDocument,
  Job,
  LogEvent,
  Plan,
  RemoveResult,
  Selection,
  SnapshotEvent,
  ValidateResult,
  VerifyRequest
} from './wire';

/** Milliseconds between two looks at a daemon that starts. */
const STARTING_MS = 1_000;
/** Between two looks at a server without our part, or with a daemon that gave up. */
const SLOW_MS = 10_000;
/** Between two polls, where streams do not come through: while something runs, and else. */
const POLL_BUSY_MS = 1_500;
const POLL_IDLE_MS = 10_000;
/** How long polling lasts before the stream is tried again. */
const POLLING_MS = 300_000;

/** Whether the page is looked at: a seam for `document.visibilityState`. */
export interface IPageVisibility {
  readonly visible: boolean;
  onChange(listener: () => void): IDisposable;
}

/**
 * The one state of a browser tab, outside React. It follows the daemon while somebody holds it and the
 * page is visible: a hidden tab gives its connection back.
 */
export class CockpitModel {
  constructor(
    private readonly _client: ICockpitClient,
    private readonly _page: IPageVisibility = browserPage()
  ) {
    this._page.onChange(() => this._toggle());
    this.versions = new VersionVerbs(_client.versions, {
      getState: () => this._state,
      set: change => this._set({ ...this._state, ...change }),
      ask: request => this._ask(request),
      attempt: request => this._try(request),
      job: id => this._client.job(id),
      refresh: () => this._versionsNow.refresh()
    });
  }

  readonly versions: VersionVerbs;

  readonly getState = (): IState => this._state;

  readonly subscribe = (listener: () => void): (() => void) => {
    this._listeners.add(listener);
    return () => this._listeners.delete(listener);
  };

  /** Follow the daemon until the holder lets go. */
  hold(): IDisposable {
    this._holders += 1;
    this._toggle();
    return new DisposableDelegate(() => {
      this._holders -= 1;
      this._toggle();
    });
  }

  /** Resolves with the first state that satisfies the condition, while somebody holds the model. */
  until(condition: (state: IState) => boolean): Promise<IState> {
    return new Promise(resolve => {
      const look = () => {
        if (condition(this._state)) {
          stop();
          resolve(this._state);
        }
      };
      const stop = this.subscribe(look);
      look();
    });
  }

  /** Install; the rows say "queued" while an answer is waited for. */
  install(selection: Selection): Promise<Job | null> {
    return this._queued(selection, () =>
      this._ask(() => this._client.install(selection))
    );
  }

  /**
   * What an install would do.
   * @throws ProblemError or AnswerError: its dialog says why.
   */
  plan(selection: Selection): Promise<Plan> {
    return this._client.plan(selection);
  }

  verify(request: VerifyRequest = { all: true }): Promise<Job | null> {
    return this._ask(() => this._client.verify(request));
  }

  /**
   * The declaration that a link would become.
   * @throws ProblemError or AnswerError: its dialog says why.
   */
  look(request: DeclareRequest): Promise<DeclareResult> {
    return this._client.declare({ ...request, write: false });
  }

  /** Writes a declaration; null when the daemon refuses, and the state says why. */
  declare(request: DeclareRequest): Promise<DeclareResult | null> {
    return this._try(() => this._client.declare({ ...request, write: true }));
  }

  /**
   * The model files that workflows name.
   * @throws ProblemError or AnswerError: its dialog says why.
   */
  readWorkflow(request: FromWorkflowRequest): Promise<FromWorkflowResult> {
    return this._client.fromWorkflow({ ...request, write: false });
  }

  /** Declares what workflows name and lacks; null when the daemon refuses, and the state says why. */
  async declareWorkflow(
    request: FromWorkflowRequest
  ): Promise<FromWorkflowResult | null> {
    const result = await this._try(() =>
      this._client.fromWorkflow({ ...request, write: true })
    );
    this._refresh();
    return result;
  }

  /** Makes a bundle of a template, called like it; null when the daemon refuses. */
  async declareTemplate(name: string): Promise<FromWorkflowResult | null> {
    const declaring = (set: ReadonlySet<string>) =>
      this._set({ ...this._state, declaring: set });
    declaring(new Set([...this._state.declaring, name]));
    try {
      const request = { name, bundle: name, write: true };
      return await this._try(() => this._client.fromTemplate(request));
    } finally {
      declaring(without(this._state.declaring, [name]));
      this._refresh();
    }
  }

  /** Shows another page in every home. */
  show(page: Page): void {
    this._set({ ...this._state, page });
  }

  /** Shows a section in every home: its tab when wide, unfolded when narrow. */
  open(section: Section): void {
    const folded = without(this._state.folded, [section]);
    this._set({ ...this._state, page: 'sections', section, folded });
  }

  /** Folds a list away in the narrow panel, or unfolds it. */
  fold(list: Fold): void {
    const folded = new Set(this._state.folded);
    if (!folded.delete(list)) {
      folded.add(list);
    }
    this._set({ ...this._state, folded });
  }

  /** @param language As the lab names it. */
  async readTemplates(language: string): Promise<void> {
    const templates = await this._try(() => this._client.templates(language));
    if (templates) {
      this._set({ ...this._state, templates });
    }
  }

  /** @throws ProblemError or AnswerError. */
  validate(text: string): Promise<ValidateResult> {
    return this._client.validate(text);
  }

  async removeFile(modelId: string): Promise<RemoveResult | null> {
    const result = await this._try(() => this._client.removeFile(modelId));
    this._refresh();
    return result;
  }

  /** @throws ProblemError or AnswerError: its dialog says why. */
  doctor(): Promise<Doctor> {
    return this._client.doctor();
  }

  health(): Promise<Health | null> {
    return this._try(() => this._client.health());
  }

  /** Calls with each job that ends while the model is held and that nobody started: no child. */
  onEnded(listener: (job: Job) => void): IDisposable {
    this._endListeners.add(listener);
    return new DisposableDelegate(() => this._endListeners.delete(listener));
  }

  async cancel(jobId: string): Promise<void> {
    this._set({
      ...this._state,
      cancelling: new Set([...this._state.cancelling, jobId])
    });
    const job = await this._ask(() => this._client.cancel(jobId));
    if (!job) {
      this._set({
        ...this._state,
        cancelling: without(this._state.cancelling, [jobId])
      });
    }
  }

  /** Takes an ended job from the queue: it has been read. */
  dismiss(jobId: string): void {
    const jobs = new Map([...this._state.jobs].filter(([id]) => id !== jobId));
    this._read.add(jobId);
    this._set({ ...this._state, jobs });
  }

  dismissRefusal(): void {
    this._set({ ...this._state, refusal: null });
  }

  /** Loads the last lines of a job and keeps them up to date until `closeLog`. */
  async openLog(jobId: string): Promise<void> {
    const logs = new Map(this._state.logs);
    logs.set(jobId, []);
    this._set({ ...this._state, logs });
    const job = await this._ask(() => this._client.job(jobId));
    if (job && this._state.logs.has(jobId)) {
      const filled = new Map(this._state.logs);
      filled.set(jobId, job.log ?? []);
      this._set({ ...this._state, logs: filled });
    }
  }

  closeLog(jobId: string): void {
    this._set({
      ...this._state,
      logs: new Map([...this._state.logs].filter(([id]) => id !== jobId))
    });
  }

  async restartDaemon(): Promise<void> {
    // Our stream ends here, and is not cut off.
    this._stop();
    this._set({
      ...this._state,
      connection: { kind: 'starting', cause: null, log: [] }
    });
    try {
      await this._client.restart();
    } catch (error) {
      this._refuse(error);
    }
    this.reconnect();
  }

  /** Look again now, whatever the back-off says. */
  reconnect(): void {
    this._stop();
    this._toggle();
  }

  private _selected(selection: Selection): string[] {
    const status = this._state.status;
    if (!status) {
      return [];
    }
    const bundles = status.bundles.filter(bundle =>
      selection.all ? bundle.enabled : selection.bundles?.includes(bundle.id)
    );
    const inBundles = bundles.flatMap(bundle => bundle.models);
    const all = selection.all ? status.models.map(model => model.id) : [];
    return [...new Set([...(selection.models ?? []), ...inBundles, ...all])];
  }

  /** The rows of what is selected say so until it is answered. */
  private async _queued<T>(
    selection: Selection,
    answer: () => Promise<T>
  ): Promise<T> {
    const ids = this._selected(selection);
    const asked = new Set([...this._state.asked, ...ids]);
    this._set({ ...this._state, asked });
    try {
      return await answer();
    } finally {
      this._set({ ...this._state, asked: without(this._state.asked, ids) });
    }
  }

  private async _ask(request: () => Promise<Job>): Promise<Job | null> {
    const job = await this._try(request);
    // The stream may have been faster, and knows better.
    if (job && !this._state.jobs.has(job.id)) {
      this._see(job);
    }
    return job;
  }

  private async _try<T>(request: () => Promise<T>): Promise<T | null> {
    try {
      return await request();
    } catch (error) {
      this._refuse(error);
      return null;
    }
  }

  private _refuse(error: unknown): void {
    if (error instanceof ProblemError) {
      this._set({ ...this._state, refusal: error.problem });
      if (isDaemonGone(error)) {
        this.reconnect();
      }
    } else if (error instanceof AnswerError) {
      this._set({ ...this._state, connection: { kind: error.why } });
      this.reconnect();
    } else {
      throw error;
    }
  }

  private _toggle(): void {
    const wanted = this._holders > 0 && this._page.visible;
    if (wanted && !this._running) {
      this._running = new AbortController();
      void this._follow(this._running.signal);
    } else if (!wanted) {
      this._stop();
    }
  }

  private _stop(): void {
    this._running?.abort();
    this._running = null;
  }

  /** Connects, follows, and connects again, until told to stop. */
  private async _follow(stop: AbortSignal): Promise<void> {
    let attempt = 0;
    let waitFor = 0;
    while (!stop.aborted) {
      try {
        if (this._buffered) {
          await this._poll(stop);
        } else {
          await this._connect(stop, () => (attempt = 0));
        }
        waitFor = backOff(attempt++);
      } catch (error) {
        if (stop.aborted) {
          return;
        }
        this._buffered = error instanceof SilentStreamError;
        waitFor = this._buffered ? 0 : this._lost(error, attempt++);
      }
      await pause(waitFor, stop);
    }
  }

  /** One connection, from its first byte to its last. */
  private async _connect(
    stop: AbortSignal,
    onReady: () => void
  ): Promise<void> {
    const server = await this._client.server();
    this._set({
      ...this._state,
      authentication: server.authentication,
      otherVersion: server.version === VERSION ? null : server.version
    });
    if (server.state !== 'ready') {
      throw new NotReady(server);
    }
    const closed = new AbortController();
    const close = () => closed.abort();
    stop.addEventListener('abort', close);
    try {
      const body = await this._client.events(this._lastEventId, closed.signal);
      onReady();
      this._refresh();
      this._versionsNow.refresh();
      await readEvents(body, new EventParser(this._lastEventId), event => {
        if (!stop.aborted) {
          this._lastEventId = event.id;
          this._onEvent(event);
        }
      });
    } finally {
      stop.removeEventListener('abort', close);
      closed.abort();
    }
  }

  /** Says why the connection was lost; returns how long to wait before the next try. */
  private _lost(error: unknown, attempt: number): number {
    if (error instanceof NotReady) {
      const { state, cause, log } = error.server;
      const starting = state === 'starting';
      this._set({
        ...this._state,
        connection: { kind: starting ? 'starting' : 'failed', cause, log }
      });
      return starting ? STARTING_MS : SLOW_MS;
    }
    if (error instanceof AnswerError && error.why !== 'unreachable') {
      this._set({ ...this._state, connection: { kind: error.why } });
      return SLOW_MS;
    }
    if (error instanceof ProblemError && !isDaemonGone(error)) {
      this._set({ ...this._state, refusal: error.problem });
    }
    // One lost connection is not news: a proxy may just have cut it.
    if (attempt > 1) {
      this._set({ ...this._state, connection: { kind: 'unreachable' } });
    }
    return backOff(attempt);
  }

  /** Asks again and again, where streams do not come through. */
  private async _poll(stop: AbortSignal): Promise<void> {
    const end = Date.now() + POLLING_MS;
    while (!stop.aborted && Date.now() < end) {
      const [jobs, status, versions] = await Promise.all([
        this._client.jobs(),
        this._client.models(),
        this._client.versions.list()
      ]);
      if (stop.aborted) {
        return;
      }
      this._setJobs(jobs);
      const connection = { kind: 'ready' } as const;
      this._set({ ...this._state, connection, status, versions });
      await pause(jobs.some(isActive) ? POLL_BUSY_MS : POLL_IDLE_MS, stop);
    }
    this._buffered = false;
  }

  private _onEvent(event: IServerEvent): void {
    switch (event.type) {
      case 'snapshot': {
        const data = JSON.parse(event.data) as SnapshotEvent;
        this._setJobs(data.jobs);
        this._refreshIfOther(data.models_revision);
        this._versionsIfOther(data.versions_revision);
        break;
      }
      case 'job':
        this._see(JSON.parse(event.data) as Job);
        break;
      case 'log': {
        const data = JSON.parse(event.data) as LogEvent;
        this._set(withLog(this._state, data.job_id, data.lines));
        break;
      }
      case 'models':
        this._refreshIfOther((JSON.parse(event.data) as ChangeEvent).revision);
        break;
      case 'versions':
        // The state of a version may change without its files.
        this._versionsNow.refresh();
        break;
    }
  }

  private _see(job: Job): void {
    if (this._read.has(job.id) || (isActive(job) && this._ended.has(job.id))) {
      return;
    }
    const wasActive = this._active.has(job.id);
    this._note(job);
    this._set(withJob(this._state, job));
    if (wasActive && !isActive(job)) {
      this._tellEnded(job);
    }
  }

  /** All jobs anew: what ended while nobody listened is told too. */
  private _setJobs(jobs: readonly Job[]): void {
    const ended = jobs.filter(
      job => !isActive(job) && this._active.has(job.id)
    );
    jobs.forEach(job => this._note(job));
    this._set(withJobs(this._state, this._unread(jobs)));
    ended.forEach(job => this._tellEnded(job));
  }

  private _note(job: Job): void {
    if (isActive(job)) {
      this._active.add(job.id);
    } else {
      this._active.delete(job.id);
      this._ended.add(job.id);
    }
  }

  private _tellEnded(job: Job): void {
    if (job.parent === null) {
      this._endListeners.forEach(listener => listener(job));
    }
  }

  private _unread(jobs: readonly Job[]): Job[] {
    return jobs.filter(job => !this._read.has(job.id));
  }

  private _refreshIfOther(revision: string): void {
    if (this._state.status?.revision !== revision) {
      this._refresh();
    }
  }

  private _versionsIfOther(revision: string | null): void {
    if (this._state.versions?.revision !== revision) {
      this._versionsNow.refresh();
    }
  }

  private _refresh(): void {
    this._modelsNow.refresh();
  }

  private _set(state: IState): void {
    this._state = state;
    for (const listener of [...this._listeners]) {
      listener();
    }
  }

  private _state: IState = EMPTY;
  private readonly _listeners = new Set<() => void>();
  private _lastEventId: string | null = null;
  private readonly _read = new Set<string>();
  /** Jobs that the stream said are over: an answer that was under way cannot bring them back. */
  private readonly _ended = new Set<string>();
  /** Jobs that were seen running or waiting. */
  private readonly _active = new Set<string>();
  private readonly _endListeners = new Set<(job: Job) => void>();
  private _holders = 0;
  /** Something between holds streams back: poll for a while. */
  private _buffered = false;
  private _running: AbortController | null = null;
  private readonly _modelsNow = new Refresher(
    async () => {
      const status = await this._client.models();
      this._set({ ...this._state, status, connection: { kind: 'ready' } });
    },
    error => void this._lost(error, 0)
  );
  private readonly _versionsNow = new Refresher(
    async () => {
      const versions = await this._client.versions.list();
      this._set({ ...this._state, versions });
    },
    error => void this._lost(error, 0)
  );
}

/** Fetches a document; asked for while it is under way, it is fetched once more. */
class Refresher {
  constructor(
    private readonly _fetch: () => Promise<void>,
    private readonly _onError: (error: unknown) => void
  ) {}

  refresh(): void {
    if (this._running) {
      this._again = true;
      return;
    }
    this._running = true;
    this._fetch()
      .catch(this._onError)
      .finally(() => {
        this._running = false;
        if (this._again) {
          this._again = false;
          this.refresh();
        }
      });
  }

  private _running = false;
  private _again = false;
}

/** The server extension is there, and says that the daemon is not. */
class NotReady extends Error {
  constructor(readonly server: IServerDocument) {
    super(server.cause ?? server.state);
    this.name = 'NotReady';
  }
}

/** The proxy's own answers; the server document says more. */
function isDaemonGone({ problem }: ProblemError): boolean {
  return problem.code === 'starting' || problem.code === 'daemon_failed';
}

/** Resolves after `ms`, or at once when told to stop. */
function pause(ms: number, stop: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    const end = () => {
      clearTimeout(timer);
      stop.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    stop.addEventListener('abort', end);
    if (stop.aborted) {
      end();
    }
  });
}

function browserPage(): IPageVisibility {
  return {
    get visible() {
      return document.visibilityState === 'visible';
    },
    onChange: listener => {
      document.addEventListener('visibilitychange', listener);
      return new DisposableDelegate(() =>
        document.removeEventListener('visibilitychange', listener)
      );
    }
  };
}
