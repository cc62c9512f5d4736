import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';

import { VersionsClient, type IVersionsClient } from './versionRequests';
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
  Problem,
  RemoveResult,
  Selection,
  Templates,
  ValidateResult,
  VerifyRequest
} from './wire';

const PREFIX = 'comfyui-cockpit';

/** The daemon or the server extension refused, and said why. */
export class ProblemError extends Error {
  constructor(readonly problem: Problem) {
    super(problem.detail ?? problem.title);
    this.name = 'ProblemError';
  }
}

/** Something between the page and the daemon answered in its place, or nothing did. */
export class AnswerError extends Error {
  constructor(
    /** `absent`: the server extension is not loaded. `signed-out`: credentials ran out. */
    readonly why: 'absent' | 'signed-out' | 'unreachable',
    message: string
  ) {
    super(message);
    this.name = 'AnswerError';
  }
}

/** What the model asks of the server: a seam, so that it can be tested without one. */
export interface ICockpitClient {
  server(): Promise<IServerDocument>;
  restart(): Promise<IServerDocument>;
  models(): Promise<ModelsStatus>;
  jobs(): Promise<Job[]>;
  job(id: string): Promise<Job>;
  install(selection: Selection): Promise<Job>;
  verify(request: VerifyRequest): Promise<Job>;
  cancel(jobId: string): Promise<Job>;
  plan(selection: Selection): Promise<Plan>;
  declare(request: DeclareRequest): Promise<DeclareResult>;
  fromWorkflow(request: FromWorkflowRequest): Promise<FromWorkflowResult>;
  fromTemplate(request: FromTemplateRequest): Promise<FromWorkflowResult>;
  /** @param language As the lab names it, for example `ja_JP`. */
  templates(language: string): Promise<Templates>;
  /** Checks a text that would be models.json. */
  validate(text: string): Promise<ValidateResult>;
  removeFile(modelId: string): Promise<RemoveResult>;
  doctor(): Promise<Doctor>;
  health(): Promise<Health>;
  readonly versions: IVersionsClient;
  /** Opens the event stream. Resolves when the headers are there. */
  events(
    lastEventId: string | null,
    signal: AbortSignal
  ): Promise<ReadableStream<Uint8Array>>;
}

export class CockpitClient implements ICockpitClient {
  constructor(private readonly _settings: ServerConnection.ISettings) {}

  readonly versions = new VersionsClient((method, path, body) =>
    this._json(method, path, body)
  );

  server(): Promise<IServerDocument> {
    return this._json<IServerDocument>('GET', 'server');
  }

  restart(): Promise<IServerDocument> {
    return this._json<IServerDocument>('POST', 'server/restart', {});
  }

  models(): Promise<ModelsStatus> {
    return this._json<ModelsStatus>('GET', 'api/models');
  }

  async jobs(): Promise<Job[]> {
    return (await this._json<{ jobs: Job[] }>('GET', 'api/jobs')).jobs;
  }

  async job(id: string): Promise<Job> {
    return (
      await this._json<{ job: Job }>(
        'GET',
        `api/jobs/${encodeURIComponent(id)}`
      )
    ).job;
  }

  async install(selection: Selection): Promise<Job> {
    return (
      await this._json<{ job: Job }>('POST', 'api/models/install', selection)
    ).job;
  }

  async verify(request: VerifyRequest): Promise<Job> {
    return (
      await this._json<{ job: Job }>('POST', 'api/models/verify', request)
    ).job;
  }

  async cancel(jobId: string): Promise<Job> {
    const path = `api/jobs/${encodeURIComponent(jobId)}/cancel`;
    return (await this._json<{ job: Job }>('POST', path, {})).job;
  }

  plan(selection: Selection): Promise<Plan> {
    return this._json<Plan>('POST', 'api/models/plan', selection);
  }

  declare(request: DeclareRequest): Promise<DeclareResult> {
    return this._json<DeclareResult>('POST', 'api/models/declare', request);
  }

  fromWorkflow(request: FromWorkflowRequest): Promise<FromWorkflowResult> {
    const path = 'api/models/from-workflow';
    return this._json<FromWorkflowResult>('POST', path, request);
  }

  fromTemplate(request: FromTemplateRequest): Promise<FromWorkflowResult> {
    const path = 'api/models/from-template';
    return this._json<FromWorkflowResult>('POST', path, request);
  }

  templates(language: string): Promise<Templates> {
    const query = URLExt.objectToQueryString({ language });
    return this._json<Templates>('GET', `api/templates${query}`);
  }

  validate(text: string): Promise<ValidateResult> {
    return this._json<ValidateResult>('POST', 'api/models/validate', { text });
  }

  removeFile(modelId: string): Promise<RemoveResult> {
    const path = `api/models/${encodeURIComponent(modelId)}/file`;
    return this._json<RemoveResult>('DELETE', path);
  }

  doctor(): Promise<Doctor> {
    return this._json<Doctor>('GET', 'api/doctor');
  }

  health(): Promise<Health> {
    return this._json<Health>('GET', 'api/health');
  }

  async events(
    lastEventId: string | null,
    signal: AbortSignal
  ): Promise<ReadableStream<Uint8Array>> {
    const headers: Record<string, string> = { Accept: 'text/event-stream' };
    if (lastEventId !== null) {
      headers['Last-Event-ID'] = lastEventId;
    }
    const response = await this._send('api/events', {
      method: 'GET',
      headers,
      signal
    });
    if (!response.body) {
      throw new AnswerError('unreachable', 'The event stream has no body.');
    }
    return response.body;
  }

  private async _json<T>(
    method: 'GET' | 'POST' | 'DELETE',
    path: string,
    body?: object
  ): Promise<T> {
    const init: RequestInit = { method };
    if (body) {
      init.body = JSON.stringify(body);
    }
    const response = await this._send(path, init);
    return (await response.json()) as T;
  }

  private async _send(path: string, init: RequestInit): Promise<Response> {
    const url = URLExt.join(this._settings.baseUrl, PREFIX, path);
    let response: Response;
    try {
      response = await ServerConnection.makeRequest(url, init, this._settings);
    } catch (error) {
      if (init.signal?.aborted) {
        throw error;
      }
      throw new AnswerError('unreachable', String(error));
    }
    if (response.ok) {
      return response;
    }
    throw await failure(response);
  }
}

/** The typed error of an answer that is not 2xx. */
export async function failure(response: Response): Promise<Error> {
  const type = response.headers.get('Content-Type') ?? '';
  if (type.includes('application/problem+json')) {
    return new ProblemError((await response.json()) as Problem);
  }
  const message = `${response.status} ${response.statusText}`.trim();
  switch (response.status) {
    case 404:
      return new AnswerError('absent', message);
    case 401:
    case 403:
      return new AnswerError('signed-out', message);
    default:
      return new AnswerError('unreachable', message);
  }
}
