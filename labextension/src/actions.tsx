import type { TranslationBundle } from '@jupyterlab/translation';

import { AddModel } from './components/AddModel';
import { DoctorView } from './components/DoctorView';
import { FromWorkflow } from './components/FromWorkflow';
import { PlanView } from './components/PlanView';
import type { Anchor, IDesk, IMenuItem } from './desk';
import type { Formatter } from './format';
import type { CockpitModel } from './model';
import { pageOf } from './pages';
import { relativeTo } from './paths';
import type { IModelRow } from './state';
import { VersionActions } from './versionActions';
import type {
  DeclareRequest,
  FromWorkflowRequest,
  FromWorkflowResult,
  ModelStatus,
  Problem,
  Selection
} from './wire';
import { openModels } from './workflow';

/** What is written where there is no models.json. */
const EMPTY_DECLARATION = '{\n  "models": {},\n  "bundles": {}\n}\n';

/** What people can do, wherever they ask for it: rows, menus, commands. */
export class Actions {
  constructor(
    readonly desk: IDesk,
    private readonly _model: CockpitModel,
    private readonly trans: TranslationBundle,
    private readonly _format: Formatter
  ) {
    this.versions = new VersionActions(desk, _model, trans, _format);
  }

  readonly versions: VersionActions;

  /** Shows what an install would do, and does on acceptance what was left in the plan. */
  install(selection: Selection): Promise<void> {
    const { trans } = this;
    return this._plan(selection, trans.__('Plan'), trans.__('Install'));
  }

  /** Installs over a file that is not the declared one. */
  replace({ id, path }: ModelStatus): Promise<void> {
    const { trans } = this;
    return this._plan(
      { models: [id], overwrite: true },
      trans.__('Replace the file?'),
      trans.__('Replace'),
      trans.__('The file %1 is replaced by the declared one.', path)
    );
  }

  async remove(model: ModelStatus): Promise<void> {
    const { trans, desk } = this;
    const bytes = this._format.bytes(model.size_bytes ?? 0);
    const accepted = await desk.confirm(
      trans.__('Remove the file of %1?', model.display_name),
      trans.__(
        '%1 is deleted, which frees %2. The model stays declared, and can be installed again.',
        model.path,
        bytes
      ),
      trans.__('Remove')
    );
    if (!accepted) {
      return;
    }
    const result = await this._model.removeFile(model.id);
    const kept = result?.kept[0];
    if (kept) {
      desk.tell(trans.__('%1 is kept: %2', kept.path, kept.reason), 'error');
    }
  }

  async add(url = ''): Promise<void> {
    const { trans, desk } = this;
    const bundles = this._model.getState().status?.bundles ?? [];
    const request = await desk.ask<DeclareRequest>({
      title: trans.__('Add a model'),
      accept: trans.__('Add'),
      view: answer => (
        <AddModel
          url={url}
          bundles={bundles.map(bundle => bundle.id)}
          answer={answer}
        />
      )
    });
    if (!request) {
      return;
    }
    const result = await this._model.declare(request);
    if (result?.id) {
      const { id } = result;
      desk.tell(trans.__('%1 is declared in models.json.', id), 'success', {
        label: trans.__('Install'),
        run: () => void this.install({ models: [id] })
      });
    }
  }

  /**
   * Shows which model files workflows name; declares what is missing, then plans.
   * @param files Paths in the lab's root; none: the dialog asks for one.
   * @param accepted Called when something is going to be declared or installed.
   */
  async fromWorkflow(
    files: readonly string[] = [],
    accepted?: () => void
  ): Promise<void> {
    const { trans, desk } = this;
    const bundles = this._model.getState().status?.bundles ?? [];
    const request = await desk.ask<FromWorkflowRequest>({
      title: trans.__('Models of a workflow'),
      accept: trans.__('Declare and install'),
      view: answer => (
        <FromWorkflow
          files={files}
          bundles={bundles.map(bundle => bundle.id)}
          answer={answer}
        />
      )
    });
    if (request) {
      accepted?.();
      await this._planDeclared(await this._model.declareWorkflow(request));
    }
  }

  /** Makes a bundle of an official template, and plans it. */
  async fromTemplate(name: string): Promise<void> {
    await this._planDeclared(await this._model.declareTemplate(name));
  }

  /** Makes an empty models.json where there is none, and opens it in the lab's editor. */
  async write(): Promise<void> {
    const { desk } = this;
    const file = this._model.getState().status?.declaration.file;
    if (file) {
      await desk.makeText(file, EMPTY_DECLARATION);
      await desk.openFile?.(file);
    }
  }

  async doctor(): Promise<void> {
    const { trans, desk } = this;
    await desk.ask<never>({
      title: trans.__('Doctor'),
      accept: null,
      view: () => <DoctorView />
    });
  }

  /** Whether the place of a problem can be shown in the lab's editor. */
  canFix(problem: Problem | null): boolean {
    return this.desk.openFile !== null && Boolean(problem?.where?.file);
  }

  fix({ where }: Problem): void {
    if (where?.file) {
      void this.desk.openFile?.(where.file, where.line ?? 1, where.column ?? 1);
    }
  }

  async openFolder(model: ModelStatus): Promise<void> {
    const { trans, desk } = this;
    const health = await this._model.health();
    if (!health) {
      return;
    }
    const folder = relativeTo(
      health.root,
      `${health.models_dir}/${model.path}`
    )?.replace(/\/?[^/]*$/, '');
    if (folder === undefined) {
      desk.tell(
        trans.__(
          'The folder lies outside the folder that the server shows: %1',
          health.models_dir
        ),
        'info'
      );
    } else {
      await desk.openFolder?.(folder);
    }
  }

  async openPage(model: ModelStatus): Promise<void> {
    const { trans, desk } = this;
    const file = this._model.getState().status?.declaration.file;
    const text = file ? await desk.readText(file) : '{}';
    const page = pageOf(sourceIn(text, model.id), model.host);
    if (page) {
      desk.openPage(page);
    } else {
      desk.tell(trans.__('%1 has no page.', model.display_name), 'info');
    }
  }

  openRowMenu({ model, row }: IModelRow, anchor: Anchor): void {
    const { trans, desk } = this;
    const there = row.kind === 'installed' || row.kind === 'invalid';
    const item = (
      label: string,
      run: () => unknown,
      enabled = true
    ): IMenuItem => ({ label, run: () => void run(), enabled });
    desk.openRowMenu(
      [
        item(
          trans.__('Verify'),
          () => this._model.verify({ models: [model.id] }),
          there
        ),
        item(
          trans.__('Replace…'),
          () => this.replace(model),
          row.kind === 'invalid' && this._installable
        ),
        item(trans.__('Remove file…'), () => this.remove(model), there),
        null,
        item(trans.__('Copy id'), () => desk.copy(model.id)),
        item(
          trans.__('Open folder'),
          () => this.openFolder(model),
          there && desk.openFolder !== null
        ),
        item(
          trans.__('Open its page'),
          () => this.openPage(model),
          model.host !== null
        )
      ],
      anchor
    );
  }

  openBundleMenu(id: string, anchor: Anchor): void {
    const { trans, desk } = this;
    desk.openRowMenu(
      [
        {
          label: trans.__('Verify'),
          run: () => void this._model.verify({ bundles: [id] }),
          enabled: true
        },
        null,
        {
          label: trans.__('Copy id'),
          run: () => desk.copy(id),
          enabled: true
        }
      ],
      anchor
    );
  }

  /** What was declared, and is not here, is planned. */
  private async _planDeclared(
    result: FromWorkflowResult | null
  ): Promise<void> {
    const { trans, desk } = this;
    const models = result ? openModels(result) : [];
    if (models.length > 0) {
      await this.install({ models });
    } else if (result) {
      desk.tell(trans.__('There is nothing to install.'), 'info');
    }
  }

  private async _plan(
    selection: Selection,
    title: string,
    accept: string,
    lead?: string
  ): Promise<void> {
    const chosen = await this.desk.ask<Selection>({
      title,
      accept,
      view: answer => (
        <PlanView selection={selection} lead={lead} answer={answer} />
      )
    });
    if (chosen) {
      await this._model.install(chosen);
    }
  }

  private get _installable(): boolean {
    return this._model.getState().status?.declaration.state === 'ok';
  }
}

/** Where a model comes from; nothing while models.json is no JSON, which the panel says anyway. */
function sourceIn(text: string, id: string): unknown {
  try {
    const declared = JSON.parse(text) as {
      models?: Record<string, { source?: unknown }>;
    };
    return declared.models?.[id]?.source;
  } catch (error) {
    if (error instanceof SyntaxError) {
      return undefined;
    }
    throw error;
  }
}
