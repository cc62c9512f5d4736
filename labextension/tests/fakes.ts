import { act, render } from '@testing-library/react';
import type { ReactElement } from 'react';

import type { ICockpitClient } from '../src/request';
import type { IPageVisibility } from '../src/model';
import type { IDesk, IDialogOptions, IMenuItem } from '../src/desk';
import type {
  DeclareRequest,
  DeclareResult,
  Doctor,
  FromTemplateRequest,
  FromWorkflowRequest,
  FromWorkflowResult,
  Health,
  IServerDocument,
  Job,
  ModelsStatus,
  Plan,
  RemoveResult,
  Selection,
  Templates,
  ValidateResult,
  VerifyRequest
} from '../src/wire';
import { VERSION } from '../src/version';
import { FakeVersions } from './fakeVersions';
import { aJob, aPlan, named } from './fixtures';

/** A server in memory: it answers from its fields, and its stream says what `send` is given. */
export class FakeClient implements ICockpitClient {
  constructor(public status: ModelsStatus) {}

  jobList: Job[] = [];
  serverDocument: IServerDocument = {
    version: VERSION,
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

  readonly versions = new FakeVersions(name => this._call(name));

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

  readonly verified: VerifyRequest[] = [];

  async verify(request: VerifyRequest): Promise<Job> {
    this._call('verify');
    this.verified.push(request);
    return aJob('verify', { kind: 'models.verify' });
  }

  async cancel(jobId: string): Promise<Job> {
    this._call(`cancel ${jobId}`);
    return aJob(jobId, { subjects: ['a'] });
  }

  planned: Plan = aPlan([]);
  found: DeclareResult | Error = new Error('Nothing is declared.');
  readonly declared: DeclareRequest[] = [];
  doctorDocument: Doctor = { ok: true, checks: [] };

  async plan(selection: Selection): Promise<Plan> {
    this._call('plan');
    this.plans.push(selection);
    return this.planned;
  }

  readonly plans: Selection[] = [];

  async declare(request: DeclareRequest): Promise<DeclareResult> {
    this._call('declare');
    this.declared.push(request);
    if (this.found instanceof Error) {
      throw this.found;
    }
    return this.found;
  }

  /** What a workflow or a template names, before it is declared and after. */
  named: FromWorkflowResult | Error = named([]);
  declaredAfter: FromWorkflowResult = named([]);
  readonly workflows: FromWorkflowRequest[] = [];
  readonly templatesAsked: FromTemplateRequest[] = [];
  templatesDocument: Templates = { ok: true, source: null, templates: [] };
  validated: ValidateResult = {
    ok: true,
    file: 'models.json',
    errors: [],
    warnings: []
  };

  async fromWorkflow(
    request: FromWorkflowRequest
  ): Promise<FromWorkflowResult> {
    this._call('from-workflow');
    this.workflows.push(request);
    if (this.named instanceof Error) {
      throw this.named;
    }
    return request.write ? this.declaredAfter : this.named;
  }

  async fromTemplate(
    request: FromTemplateRequest
  ): Promise<FromWorkflowResult> {
    this._call('from-template');
    this.templatesAsked.push(request);
    return this.declaredAfter;
  }

  async templates(language: string): Promise<Templates> {
    this._call(`templates ${language}`);
    return this.templatesDocument;
  }

  async validate(): Promise<ValidateResult> {
    this._call('validate');
    return this.validated;
  }

  async removeFile(modelId: string): Promise<RemoveResult> {
    this._call(`remove ${modelId}`);
    return { ok: true, removed: [], kept: [] };
  }

  async doctor(): Promise<Doctor> {
    this._call('doctor');
    return this.doctorDocument;
  }

  async health(): Promise<Health> {
    this._call('health');
    return {
      state: 'ready',
      version: VERSION,
      api: 1,
      java: '25',
      root: '/data',
      models_dir: '/data/models',
      started_at: '2026-11-22T00:00:00Z'
    };
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
      versions_revision: this.versions.document.revision
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

/** A lab that notes what it is asked, and answers from its fields. */
export class FakeDesk implements IDesk {
  confirms = true;
  /** What the user answers in the dialog; by default, Cancel. */
  answers: (options: IDialogOptions<unknown>) => Promise<unknown> = () =>
    Promise.resolve(null);
  readonly said: string[] = [];
  /** What a view of a dialog needs around it. */
  frame: (content: ReactElement) => ReactElement = content => content;
  items: readonly (IMenuItem | null)[] = [];
  text = '{}';

  /** What accepting the open dialog means now. */
  answer: unknown = null;

  /** Dialogs are shown, and accepted when `done` resolves. */
  accepts(done: () => Promise<unknown>): void {
    this.answers = async options => {
      this.answer = null;
      render(this.frame(options.view(value => (this.answer = value))));
      await done();
      await act(() => Promise.resolve());
      return this.answer;
    };
  }

  openMenu(): void {
    this.said.push('menu');
  }

  openRowMenu(items: readonly (IMenuItem | null)[]): void {
    this.items = items;
  }

  openFile: IDesk['openFile'] = async (path, line, column) => {
    this.said.push(
      ['open', path, line, column].filter(part => part !== undefined).join(' ')
    );
  };

  openFolder = async (path: string) => {
    this.said.push(`folder ${path}`);
  };

  readText(): Promise<string> {
    return Promise.resolve(this.text);
  }

  async makeText(path: string, text: string): Promise<void> {
    this.said.push(`make ${path} ${text.length}`);
  }

  openPage(url: string): void {
    this.said.push(`page ${url}`);
  }

  copy(text: string): void {
    this.said.push(`copy ${text}`);
  }

  async confirm(title: string, body: string): Promise<boolean> {
    this.said.push(`confirm ${title} ${body}`);
    return this.confirms;
  }

  async ask<T>(options: IDialogOptions<T>): Promise<T | null> {
    this.said.push(`ask ${options.title}`);
    const answer = (await this.answers(
      options as IDialogOptions<unknown>
    )) as T | null;
    if (answer !== null) {
      await options.submit?.(answer);
    }
    return answer;
  }

  tell: IDesk['tell'] = (message, _tone, action) => {
    this.said.push(`tell ${message}`);
    this.action = action ?? null;
  };

  /** The button of the last message. */
  action: { label: string; run: () => void } | null = null;

  reloadPage(): void {
    this.said.push('reload');
  }

  /** Chooses an entry of the open menu. */
  choose(label: string): void {
    const item = this.items.find(entry => entry?.label === label);
    if (!item?.enabled) {
      throw new Error(`${label} cannot be chosen.`);
    }
    item.run();
  }
}
