import type { TranslationBundle } from '@jupyterlab/translation';

import { CloneVersion } from './components/CloneVersion';
import { CreateVersion } from './components/CreateVersion';
import { DeleteVersion } from './components/DeleteVersion';
import { Garbage } from './components/Garbage';
import { VersionDiffView } from './components/VersionDiffView';
import { VersionPlanView } from './components/VersionPlanView';
import type { Anchor, IDesk, IMenuItem } from './desk';
import type { Formatter } from './format';
import type { CockpitModel } from './model';
import { relativeTo } from './paths';
import { isBuilt, type IVersionRow } from './versions';
import type { CreateRequest, DeleteOptions, Job } from './wire';

/** What people can do with versions, wherever they ask for it: rows, menus, commands. */
export class VersionActions {
  constructor(
    private readonly _desk: IDesk,
    private readonly _model: CockpitModel,
    private readonly trans: TranslationBundle,
    private readonly _format: Formatter
  ) {}

  /** Shows what would be built, and builds it on acceptance. */
  async realize(id: string): Promise<void> {
    const { trans } = this;
    const accepted = await this._desk.ask<string>({
      title: trans.__('Plan of %1', id),
      accept: trans.__('Realize'),
      view: answer => <VersionPlanView id={id} answer={answer} />
    });
    if (accepted !== null) {
      await this._model.versions.realize(accepted);
    }
  }

  /** Does again what failed. */
  async retry(id: string, job: Job): Promise<void> {
    const { versions } = this._model;
    await (job.kind === 'versions.resolve'
      ? versions.resolve(id)
      : job.kind === 'versions.verify-models'
        ? versions.verifyModels(id)
        : versions.realize(id));
  }

  /** Writes a new spec from a form, and opens it. */
  async create(): Promise<void> {
    const { trans } = this;
    let file: string | null = null;
    const request = await this._desk.ask<CreateRequest>({
      title: trans.__('New version'),
      accept: trans.__('Create'),
      busy: trans.__('Asking the repositories…'),
      view: answer => <CreateVersion answer={answer} />,
      submit: async value => {
        file = (await this._model.versions.create(value)).file;
      }
    });
    if (request && file !== null) {
      this._model.open('versions');
      await this._openFile(file);
    }
  }

  async clone(id: string): Promise<void> {
    const { trans } = this;
    await this._desk.ask<string>({
      title: trans.__('Clone %1', id),
      accept: trans.__('Clone'),
      view: answer => (
        <CloneVersion id={id} taken={this._ids} answer={answer} />
      ),
      submit: async to => {
        await this._model.versions.clone(id, to);
      }
    });
  }

  async compare(id: string): Promise<void> {
    const { trans } = this;
    const others = this._ids.filter(other => other !== id);
    await this._desk.ask<never>({
      title: trans.__('Compare %1', id),
      accept: null,
      view: () => <VersionDiffView id={id} others={others} />
    });
  }

  /** Goes back to the build before at once; the message has the way forward again, where the lock names it. */
  async rollback({ version }: IVersionRow): Promise<void> {
    const { trans } = this;
    const { version_id: id, state } = version;
    const result = await this._model.versions.rollback(id);
    if (result) {
      const run = () => void this._model.versions.realizeLock(id);
      this._desk.tell(
        trans.__('%1 is back at the build before.', id),
        'success',
        state === 'stale' ? undefined : { label: trans.__('Undo'), run }
      );
    }
  }

  async remove({ version }: IVersionRow): Promise<void> {
    const { trans } = this;
    const id = version.version_id;
    let freed = 0;
    const done = await this._desk.ask<DeleteOptions>({
      title: trans.__('Delete %1?', id),
      accept: trans.__('Delete'),
      warn: true,
      busy: trans.__('Deleting…'),
      view: answer => (
        <DeleteVersion id={id} built={isBuilt(version)} answer={answer} />
      ),
      submit: async options => {
        const { removed } = await this._model.versions.delete(id, options);
        freed = removed.reduce((sum, each) => sum + each.freed_bytes, 0);
      }
    });
    if (done) {
      const bytes = this._format.bytes(freed);
      this._desk.tell(
        trans.__('%1 is deleted: %2 freed.', id, bytes),
        'success'
      );
    }
  }

  async collectGarbage(): Promise<void> {
    const { trans } = this;
    const accepted = await this._desk.ask<true>({
      title: trans.__('Collect garbage?'),
      accept: trans.__('Delete'),
      warn: true,
      view: answer => <Garbage answer={answer} />
    });
    if (accepted) {
      await this._model.versions.collectGarbage();
    }
  }

  async openSpec(id: string): Promise<void> {
    const directory = this._model.getState().versions?.directory ?? '';
    await this._openFile(`${directory}/${id}.json`);
  }

  openMenu({ version, row }: IVersionRow, anchor: Anchor): void {
    const { trans, _desk: desk } = this;
    const { version_id: id, lock_digest: digest } = version;
    const item = (
      label: string,
      run: () => unknown,
      enabled = true
    ): IMenuItem => ({ label, run: () => void run(), enabled });
    const idle = !['queued', 'working', 'cancelling'].includes(row.kind);
    const good = idle && row.kind !== 'invalid';
    desk.openRowMenu(
      [
        item(trans.__('Plan…'), () => this.realize(id), good),
        item(
          trans.__('Resolve (upgrade)'),
          () => this._model.versions.resolve(id),
          good
        ),
        item(
          trans.__('Verify models'),
          () => this._model.versions.verifyModels(id),
          good && digest !== null
        ),
        item(
          trans.__('Roll back'),
          () => this.rollback({ version, row }),
          idle && isBuilt(version)
        ),
        null,
        item(trans.__('Clone…'), () => this.clone(id), row.kind !== 'invalid'),
        item(
          trans.__('Compare with…'),
          () => this.compare(id),
          row.kind !== 'invalid' && this._ids.length > 1
        ),
        item(
          trans.__('Copy lock digest'),
          () => desk.copy(digest ?? ''),
          digest !== null
        ),
        item(
          trans.__('Open spec in the editor'),
          () => this.openSpec(id),
          desk.openFile !== null
        ),
        null,
        item(trans.__('Delete…'), () => this.remove({ version, row }), idle)
      ],
      anchor
    );
  }

  private get _ids(): string[] {
    const { versions } = this._model.getState();
    return versions?.versions.map(version => version.version_id) ?? [];
  }

  /** @param file Absolute. */
  private async _openFile(file: string): Promise<void> {
    const { trans, _desk: desk } = this;
    const health = await this._model.health();
    const path = health ? relativeTo(health.root, file) : undefined;
    if (path !== undefined) {
      await desk.openFile?.(path);
    } else if (health) {
      desk.tell(
        trans.__(
          'The file lies outside the folder that the server shows: %1',
          file
        ),
        'info'
      );
    }
  }
}
