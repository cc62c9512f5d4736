import {
  ILayoutRestorer,
  type JupyterFrontEnd,
  type JupyterFrontEndPlugin
} from '@jupyterlab/application';
import {
  ICommandPalette,
  InputDialog,
  IThemeManager,
  MainAreaWidget,
  WidgetTracker
} from '@jupyterlab/apputils';
import {
  ICompletionProviderManager,
  type ICompletionContext
} from '@jupyterlab/completer';
import { IFileBrowserFactory } from '@jupyterlab/filebrowser';
import { ILauncher } from '@jupyterlab/launcher';
import { IStatusBar } from '@jupyterlab/statusbar';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { CommandIDs } from './commands';
import { cockpitIcon } from './icon';
import type { CockpitModel } from './model';
import { DOMAIN, ICockpit, NAME, TITLE, type ICockpitApp } from './tokens';
import { CockpitWidget } from './widgets/CockpitWidget';

const PANEL_ID = 'jp-comfyui-cockpit-panel';
const WIDE_ID = 'jp-comfyui-cockpit-wide';

/** Relative to the root of the lab. */
const MODELS_JSON = 'models.json';

/** No arguments. */
const NOTHING = { args: { type: 'object', properties: {} } } as const;

const cockpit: JupyterFrontEndPlugin<ICockpit> = {
  id: `${NAME}:model`,
  description:
    'Provides the state of models and jobs, and the app, loaded on first use.',
  autoStart: true,
  provides: ICockpit,
  optional: [ITranslator, IThemeManager, IStatusBar],
  activate: (
    app: JupyterFrontEnd,
    translator: ITranslator | null,
    themes: IThemeManager | null,
    statusBar: IStatusBar | null
  ): ICockpit => {
    let model: Promise<CockpitModel> | null = null;
    let loaded: Promise<ICockpitApp> | null = null;
    const loadModel = async () => {
      const [{ CockpitModel }, { CockpitClient }] = await Promise.all([
        import('./model'),
        import('./request')
      ]);
      return new CockpitModel(
        new CockpitClient(app.serviceManager.serverSettings)
      );
    };
    const giveModel = () => (model ??= loadModel());
    const load = async () => {
      const [{ cockpitApp }, model] = await Promise.all([
        import('./app'),
        giveModel()
      ]);
      return cockpitApp({
        app,
        model,
        translator: translator ?? nullTranslator,
        themes,
        statusBar
      });
    };
    return { model: giveModel, app: () => (loaded ??= load()) };
  }
};

const panel: JupyterFrontEndPlugin<void> = {
  id: `${NAME}:panel`,
  description:
    'Adds the side panel, its wide form in the main area, and the launcher tile.',
  autoStart: true,
  requires: [ICockpit],
  optional: [ITranslator, ICommandPalette, ILauncher, ILayoutRestorer],
  activate: (
    app: JupyterFrontEnd,
    cockpit: ICockpit,
    translator: ITranslator | null,
    palette: ICommandPalette | null,
    launcher: ILauncher | null,
    restorer: ILayoutRestorer | null
  ): void => {
    const { commands, shell } = app;
    const trans = (translator ?? nullTranslator).load(DOMAIN);
    const load = () => cockpit.app();

    const side = new CockpitWidget(load);
    side.id = PANEL_ID;
    side.title.icon = cockpitIcon;
    side.title.caption = TITLE;
    side.node.setAttribute('role', 'region');
    side.node.setAttribute('aria-label', TITLE);
    shell.add(side, 'left', { rank: 900, type: TITLE });
    restorer?.add(side, PANEL_ID);

    const tracker = new WidgetTracker<MainAreaWidget<CockpitWidget>>({
      namespace: WIDE_ID
    });
    commands.addCommand(CommandIDs.open, {
      label: trans.__('Open Panel'),
      icon: cockpitIcon,
      describedBy: NOTHING,
      execute: () => shell.activateById(PANEL_ID)
    });
    commands.addCommand(CommandIDs.openWide, {
      label: args =>
        args['menu']
          ? trans.__('Open Wide')
          : args['launcher']
            ? TITLE
            : trans.__('Open in the Main Area'),
      caption: trans.__('Model files, and how they arrive'),
      icon: cockpitIcon,
      describedBy: {
        args: {
          type: 'object',
          properties: {
            launcher: { type: 'boolean' },
            menu: { type: 'boolean' }
          }
        }
      },
      execute: () => {
        let wide = tracker.currentWidget;
        if (!wide) {
          wide = new MainAreaWidget({ content: new CockpitWidget(load) });
          wide.id = WIDE_ID;
          wide.title.label = TITLE;
          wide.title.icon = cockpitIcon;
          wide.title.closable = true;
          void tracker.add(wide);
        }
        if (!wide.isAttached) {
          shell.add(wide, 'main', { type: TITLE });
        }
        shell.activateById(wide.id);
      }
    });
    if (restorer) {
      void restorer.restore(tracker, {
        command: CommandIDs.openWide,
        name: () => WIDE_ID
      });
    }
    palette?.addItem({ command: CommandIDs.open, category: TITLE });
    palette?.addItem({ command: CommandIDs.openWide, category: TITLE });
    launcher?.add({
      command: CommandIDs.openWide,
      args: { launcher: true },
      category: trans.__('Other'),
      rank: 10
    });
    // The one line that tells users that the extension is there.
    // eslint-disable-next-line no-console
    console.log('JupyterLab extension comfyui-cockpit is activated!');
  }
};

const actions: JupyterFrontEndPlugin<void> = {
  id: `${NAME}:commands`,
  description: 'Adds the commands that install, verify and restart.',
  autoStart: true,
  requires: [ICockpit],
  optional: [ITranslator, ICommandPalette],
  activate: (
    app: JupyterFrontEnd,
    cockpit: ICockpit,
    translator: ITranslator | null,
    palette: ICommandPalette | null
  ): void => {
    const { commands, shell } = app;
    const trans = (translator ?? nullTranslator).load(DOMAIN);
    /** Shows the panel, so that what follows is seen, and gives the model once it knows its models. */
    const ready = (): Promise<CockpitModel> => {
      shell.activateById(PANEL_ID);
      return known(cockpit);
    };

    commands.addCommand(CommandIDs.installBundle, {
      label: args =>
        typeof args['bundle'] === 'string'
          ? trans.__('Install Bundle %1', args['bundle'])
          : trans.__('Install Bundle…'),
      describedBy: {
        args: { type: 'object', properties: { bundle: { type: 'string' } } }
      },
      execute: async args => {
        const model = await ready();
        let bundle = typeof args['bundle'] === 'string' ? args['bundle'] : null;
        if (bundle === null) {
          const items = (model.getState().status?.bundles ?? []).map(
            entry => entry.id
          );
          if (items.length === 0) {
            return;
          }
          const answer = await InputDialog.getItem({
            title: trans.__('Install bundle'),
            items,
            okLabel: trans.__('Install')
          });
          bundle = answer.button.accept ? answer.value : null;
        }
        if (bundle) {
          await (await cockpit.app()).actions.install({ bundles: [bundle] });
        }
      }
    });
    commands.addCommand(CommandIDs.installMissing, {
      label: trans.__('Install All Missing Models'),
      caption: trans.__('See what an install would fetch, and whether it fits'),
      describedBy: NOTHING,
      execute: async () => {
        await ready();
        await (await cockpit.app()).actions.install({ all: true });
      }
    });
    commands.addCommand(CommandIDs.addModel, {
      label: trans.__('Add a Model…'),
      describedBy: {
        args: { type: 'object', properties: { url: { type: 'string' } } }
      },
      execute: async args => {
        await ready();
        const url = typeof args['url'] === 'string' ? args['url'] : '';
        await (await cockpit.app()).actions.add(url);
      }
    });
    commands.addCommand(CommandIDs.fromWorkflow, {
      label: trans.__('Models of a Workflow…'),
      caption: trans.__(
        'See which model files a workflow names, and install what is missing'
      ),
      describedBy: NOTHING,
      execute: async () => {
        await ready();
        await (await cockpit.app()).actions.fromWorkflow();
      }
    });
    commands.addCommand(CommandIDs.templates, {
      label: trans.__('Official Templates…'),
      caption: trans.__(
        "See what ComfyUI's own templates need, and install it"
      ),
      describedBy: {
        args: { type: 'object', properties: { menu: { type: 'boolean' } } }
      },
      execute: async args => {
        // From the menu of a home, that home shows them.
        const model = await (args['menu'] ? cockpit.model() : ready());
        model.show('templates');
      }
    });
    commands.addCommand(CommandIDs.newVersion, {
      label: trans.__('New Version…'),
      caption: trans.__('Describe a ComfyUI in one file'),
      describedBy: NOTHING,
      execute: async args => {
        await (args['menu'] ? cockpit.model() : ready());
        await (await cockpit.app()).actions.versions.create();
      }
    });
    commands.addCommand(CommandIDs.realizeVersion, {
      label: args =>
        typeof args['version'] === 'string'
          ? trans.__('Realize Version %1', args['version'])
          : trans.__('Realize Version…'),
      describedBy: {
        args: { type: 'object', properties: { version: { type: 'string' } } }
      },
      execute: async args => {
        const model = await ready();
        const { actions } = await cockpit.app();
        let version =
          typeof args['version'] === 'string' ? args['version'] : null;
        if (version === null) {
          const items = await model.versions.ids();
          if (items.length === 0) {
            await actions.versions.create();
            return;
          }
          const answer = await InputDialog.getItem({
            title: trans.__('Realize version'),
            items,
            okLabel: trans.__('Plan…')
          });
          version = answer.button.accept ? answer.value : null;
        }
        if (version) {
          model.open('versions');
          await actions.versions.realize(version);
        }
      }
    });
    commands.addCommand(CommandIDs.collectGarbage, {
      label: trans.__('Collect Garbage…'),
      caption: trans.__('Delete what no version uses'),
      describedBy: NOTHING,
      execute: async args => {
        await (args['menu'] ? cockpit.model() : ready());
        await (await cockpit.app()).actions.versions.collectGarbage();
      }
    });
    commands.addCommand(CommandIDs.doctor, {
      label: trans.__('Doctor'),
      caption: trans.__('Say what is wrong with this machine'),
      describedBy: NOTHING,
      execute: async () => (await cockpit.app()).actions.doctor()
    });
    commands.addCommand(CommandIDs.verify, {
      label: trans.__('Verify Models'),
      caption: trans.__('Read every installed file and compare its hash'),
      describedBy: NOTHING,
      execute: async () => void (await (await ready()).verify())
    });
    commands.addCommand(CommandIDs.restartDaemon, {
      label: trans.__('Restart Daemon'),
      describedBy: NOTHING,
      execute: async () => {
        shell.activateById(PANEL_ID);
        await (await cockpit.model()).restartDaemon();
      }
    });
    for (const command of [
      CommandIDs.installBundle,
      CommandIDs.installMissing,
      CommandIDs.addModel,
      CommandIDs.fromWorkflow,
      CommandIDs.templates,
      CommandIDs.verify,
      CommandIDs.newVersion,
      CommandIDs.realizeVersion,
      CommandIDs.collectGarbage,
      CommandIDs.doctor,
      CommandIDs.restartDaemon
    ]) {
      palette?.addItem({ command, category: TITLE });
    }
  }
};

const files: JupyterFrontEndPlugin<void> = {
  id: `${NAME}:file-browser`,
  description: 'Shows the models of a workflow from the file browser.',
  autoStart: true,
  requires: [ICockpit],
  optional: [ITranslator, IFileBrowserFactory],
  activate: (
    app: JupyterFrontEnd,
    cockpit: ICockpit,
    translator: ITranslator | null,
    browsers: IFileBrowserFactory | null
  ): void => {
    if (!browsers) {
      return;
    }
    const { commands, contextMenu, serviceManager, shell } = app;
    const trans = (translator ?? nullTranslator).load(DOMAIN);
    const selected = (): string[] =>
      [...(browsers.tracker.currentWidget?.selectedItems() ?? [])].map(item =>
        serviceManager.contents.localPath(item.path)
      );
    commands.addCommand(CommandIDs.modelsOfFile, {
      label: trans.__('Models of This Workflow…'),
      icon: cockpitIcon,
      describedBy: NOTHING,
      isVisible: () => {
        const paths = selected();
        return (
          paths.length > 0 &&
          paths.every(path => /\.(json|png|webp)$/i.test(path))
        );
      },
      execute: async () => {
        const paths = selected();
        await known(cockpit);
        const { actions } = await cockpit.app();
        await actions.fromWorkflow(paths, () => shell.activateById(PANEL_ID));
      }
    });
    contextMenu.addItem({
      command: CommandIDs.modelsOfFile,
      selector: '.jp-DirListing-item[data-isdir="false"]',
      rank: 5
    });
  }
};

const editor: JupyterFrontEndPlugin<void> = {
  id: `${NAME}:editor`,
  description:
    'Checks and completes models.json in the editor. Loaded when it is opened.',
  autoStart: true,
  requires: [ICockpit],
  optional: [ICompletionProviderManager],
  activate: (
    app: JupyterFrontEnd,
    cockpit: ICockpit,
    completer: ICompletionProviderManager | null
  ): void => {
    // The registry of editor extensions does not say which document an editor is of; a widget's context does.
    app.docRegistry.addWidgetExtension('Editor', {
      createNew: (widget, context) => {
        const applies = () => context.localPath === MODELS_JSON;
        const look = async () => {
          if (!applies()) {
            return;
          }
          context.pathChanged.disconnect(look);
          const [{ check, isEditorWidget }, model] = await Promise.all([
            import('./editor'),
            cockpit.model()
          ]);
          if (isEditorWidget(widget) && !widget.isDisposed) {
            check(widget.content.editor, model, applies);
          }
        };
        context.pathChanged.connect(look);
        void look();
      }
    });
    completer?.registerProvider({
      identifier: `${NAME}:completer`,
      rank: 1000,
      isApplicable: context => Promise.resolve(isModelsJson(context)),
      fetch: async request => {
        const { propose } = await import('./editor');
        const found = propose(request.text, request.offset);
        const { offset: start } = request;
        return found
          ? { ...found, items: [...found.items] }
          : { start, end: start, items: [] };
      }
    });
  }
};

function isModelsJson({ widget }: ICompletionContext): boolean {
  return (
    'context' in widget &&
    (widget.context as { localPath?: unknown }).localPath === MODELS_JSON
  );
}

/** The model, once it knows where it stands with the server. */
async function known(cockpit: ICockpit): Promise<CockpitModel> {
  const model = await cockpit.model();
  const hold = model.hold();
  try {
    await model.until(state => state.connection.kind !== 'loading');
  } finally {
    hold.dispose();
  }
  return model;
}

export default [cockpit, panel, actions, files, editor];
