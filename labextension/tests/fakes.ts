import type { ICockpitClient } from '../src/request';
import type { IPageVisibility } from '../src/model';
import type {
  IServerDocument,
  Job,
  ModelsStatus,
  Selection
} from '../src/wire';
import { aJob } from './fixtures';

/** A server in memory: it answers from its fields, and its stream says what `send` is given. */
export class FakeClient implements ICockpitClient {
  constructor(public status: ModelsStatus) {}

  jobList: Job[] = [];
  serverDocument: IServerDocument = {
    version: '0.1.0',
    state: 'ready',
    log: [],
    authentication: true,
    cause: null
  };
  /** Thrown by every call until it is cleared. */
  failure: Error | null = null;
  readonly calls: string[] = [];
  readonly selections: Selection[] = [];
  readonly lastEventIds: (string | null)[] = [];

  /** What the server extension says of its daemon from now on. */
  says(
    state: IServerDocument['state'],
    cause: string | null = null,
    log: string[] = []
  ): void {
    this.serverDocument = { ...this.serverDocument, state, cause, log };
  }

  async server(): Promise<IServerDocument> {
    this._call('server');
    return this.serverDocument;
  }

  async restart(): Promise<IServerDocument> {
    this.calls.push('restart');
    this.says('ready');
    return this.serverDocument;
  }

  async models(): Promise<ModelsStatus> {
    this._call('models');
    return this.status;
  }

  async jobs(): Promise<Job[]> {
    this._call('jobs');
    return this.jobList;
  }

  async job(id: string): Promise<Job> {
    this._call(`job ${id}`);
    return aJob(id, { subjects: ['a'], log: ['first line'] });
  }

  async install(selection: Selection): Promise<Job> {
    this._call('install');
    this.selections.push(selection);
    return aJob('install', {
      state: 'queued',
      subjects: selection.models ?? []
    });
  }

  async verify(): Promise<Job> {
    this._call('verify');
    return aJob('verify', { kind: 'models.verify' });
  }

  async cancel(jobId: string): Promise<Job> {
    this._call(`cancel ${jobId}`);
    return aJob(jobId, { subjects: ['a'] });
  }

  async events(lastEventId: string | null, signal: AbortSignal) {
    this._call('events');
    this.lastEventIds.push(lastEventId);
    return new ReadableStream<Uint8Array>({
      start: controller => {
        this._controller = controller;
        signal.addEventListener('abort', () => {
          this.closed += 1;
        });
      }
    });
  }

  /** How many streams were given up by the page. */
  closed = 0;

  send(type: string, data: object, id = '1-1'): void {
    const text = `id: ${id}\nevent: ${type}\ndata: ${JSON.stringify(data)}\n\n`;
    this._controller?.enqueue(new TextEncoder().encode(text));
  }

  snapshot(jobs: Job[], revision = this.status.revision): void {
    this.send('snapshot', {
      api: 1,
      jobs,
      models_revision: revision,
      versions_revision: null
    });
  }

  endStream(): void {
    this._controller?.close();
    this._controller = null;
  }

  private _call(name: string): void {
    this.calls.push(name);
    if (this.failure) {
      throw this.failure;
    }
  }

  private _controller: ReadableStreamDefaultController<Uint8Array> | null =
    null;
}

export class FakePage implements IPageVisibility {
  visible = true;

  onChange(listener: () => void) {
    this._listener = listener;
    return { isDisposed: false, dispose: () => undefined };
  }

  show(visible: boolean): void {
    this.visible = visible;
    this._listener();
  }

  private _listener: () => void = () => undefined;
}
