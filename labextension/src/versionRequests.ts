import { URLExt } from '@jupyterlab/coreutils';

import type {
  CreateRequest,
  DeleteOptions,
  FreedResult,
  Job,
  RealizeResult,
  VersionDiff,
  VersionPlan,
  Versions,
  WrittenVersion
} from './wire';

/** What the model asks of the server about versions. */
export interface IVersionsClient {
  list(): Promise<Versions>;
  plan(id: string): Promise<VersionPlan>;
  /** @param lock A lock's file to take as it is; else the spec is resolved where it changed. */
  realize(id: string, lock?: string): Promise<Job>;
  resolve(id: string, upgrade: boolean): Promise<Job>;
  verifyModels(id: string): Promise<Job>;
  create(request: CreateRequest): Promise<WrittenVersion>;
  clone(id: string, to: string): Promise<WrittenVersion>;
  diff(a: string, b: string): Promise<VersionDiff>;
  rollback(id: string): Promise<RealizeResult>;
  delete(id: string, options: DeleteOptions): Promise<FreedResult>;
  collectGarbage(dryRun: boolean): Promise<Job>;
}

/** Sends one request, and reads the document that answers it. */
export type Ask = <T>(
  method: 'GET' | 'POST' | 'DELETE',
  path: string,
  body?: object
) => Promise<T>;

export class VersionsClient implements IVersionsClient {
  constructor(private readonly _ask: Ask) {}

  list(): Promise<Versions> {
    return this._ask('GET', 'api/versions');
  }

  plan(id: string): Promise<VersionPlan> {
    return this._ask('POST', `${pathOf(id)}/plan`, {});
  }

  realize(id: string, lock?: string): Promise<Job> {
    return this._start(`${pathOf(id)}/realize`, lock ? { lock } : {});
  }

  resolve(id: string, upgrade: boolean): Promise<Job> {
    return this._start(`${pathOf(id)}/resolve`, { upgrade });
  }

  verifyModels(id: string): Promise<Job> {
    return this._start(`${pathOf(id)}/verify-models`, {});
  }

  create(request: CreateRequest): Promise<WrittenVersion> {
    return this._ask('POST', 'api/versions', request);
  }

  clone(id: string, to: string): Promise<WrittenVersion> {
    return this._ask('POST', `${pathOf(id)}/clone`, { to });
  }

  diff(a: string, b: string): Promise<VersionDiff> {
    return this._ask('POST', 'api/versions/diff', { a, b });
  }

  rollback(id: string): Promise<RealizeResult> {
    return this._ask('POST', `${pathOf(id)}/rollback`, {});
  }

  delete(id: string, options: DeleteOptions): Promise<FreedResult> {
    const chosen = Object.entries(options).map(
      ([key, value]) => [key, String(value)] as const
    );
    const query = URLExt.objectToQueryString(Object.fromEntries(chosen));
    return this._ask('DELETE', `${pathOf(id)}${query}`);
  }

  collectGarbage(dryRun: boolean): Promise<Job> {
    return this._start('api/versions/gc', { dry_run: dryRun });
  }

  private async _start(path: string, body: object): Promise<Job> {
    return (await this._ask<{ job: Job }>('POST', path, body)).job;
  }
}

function pathOf(id: string): string {
  return `api/versions/${encodeURIComponent(id)}`;
}
