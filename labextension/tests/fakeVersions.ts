import type { IVersionsClient } from '../src/versionRequests';
import type {
  CreateRequest,
  DeleteOptions,
  FreedResult,
  Job,
  RealizeResult,
  VersionDiff,
  VersionPlan,
  Versions,
  VersionStatus,
  WrittenVersion
} from '../src/wire';
import { aJob, aRealize, aVersionPlan } from './fixtures';

/** The part of a server in memory that knows versions. */
export class FakeVersions implements IVersionsClient {
  constructor(private readonly _call: (name: string) => void) {}

  document: Versions = {
    ok: true,
    revision: 'v1',
    directory: '/data/versions',
    versions: []
  };
  planned: VersionPlan = aVersionPlan([]);
  different: VersionDiff = { ok: true, equal: true, differences: [] };
  freed: FreedResult = { ok: true, dry_run: true, removed: [], kept: [] };
  readonly created: CreateRequest[] = [];
  readonly deleted: DeleteOptions[] = [];

  /** What is listed from now on. */
  has(...versions: VersionStatus[]): void {
    const revision = `${this.document.revision}+`;
    this.document = { ...this.document, revision, versions };
  }

  async list(): Promise<Versions> {
    this._call('versions');
    return this.document;
  }

  async plan(id: string): Promise<VersionPlan> {
    this._call(`plan ${id}`);
    return this.planned;
  }

  async realize(id: string, lock?: string): Promise<Job> {
    this._call(`realize ${id}${lock ? ` ${lock}` : ''}`);
    return aRealize(id, { state: 'queued' });
  }

  async resolve(id: string, upgrade: boolean): Promise<Job> {
    this._call(`resolve ${id}${upgrade ? ' upgrade' : ''}`);
    return aJob('resolve', { kind: 'versions.resolve', subjects: [id] });
  }

  async verifyModels(id: string): Promise<Job> {
    this._call(`verify-models ${id}`);
    return aJob('verify', { kind: 'versions.verify-models', subjects: [id] });
  }

  async create(request: CreateRequest): Promise<WrittenVersion> {
    this._call('create');
    this.created.push(request);
    return this._written(request.id);
  }

  async clone(id: string, to: string): Promise<WrittenVersion> {
    this._call(`clone ${id} ${to}`);
    return this._written(to);
  }

  async diff(a: string, b: string): Promise<VersionDiff> {
    this._call(`diff ${a} ${b}`);
    return this.different;
  }

  async rollback(id: string): Promise<RealizeResult> {
    this._call(`rollback ${id}`);
    return {
      ok: true,
      state: 'realized',
      target: `/home/jo/comfy-${id}`,
      lock_digest: 'b'.repeat(64),
      environment_digest: 'e'.repeat(64),
      previous: null
    };
  }

  async delete(id: string, options: DeleteOptions): Promise<FreedResult> {
    this._call(`${options.dry_run ? 'look-delete' : 'delete'} ${id}`);
    this.deleted.push(options);
    return { ...this.freed, dry_run: options.dry_run ?? false };
  }

  async collectGarbage(dryRun: boolean): Promise<Job> {
    this._call(dryRun ? 'look-gc' : 'gc');
    return aJob('gc', {
      kind: 'versions.gc',
      state: dryRun ? 'done' : 'running',
      result: dryRun ? this.freed : null
    });
  }

  private _written(id: string): WrittenVersion {
    return { ok: true, version_id: id, file: `/data/versions/${id}.json` };
  }
}
