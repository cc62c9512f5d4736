import type { JupyterFrontEnd } from '@jupyterlab/application';
import {
  Clipboard,
  Dialog,
  Notification,
  showDialog,
  type IThemeManager
} from '@jupyterlab/apputils';
import type { IStatusBar } from '@jupyterlab/statusbar';
import type { ITranslator } from '@jupyterlab/translation';
import { MenuSvg } from '@jupyterlab/ui-components';
import { CommandRegistry } from '@lumino/commands';
import type { Widget } from '@lumino/widgets';

import { Actions } from './actions';
import { ask } from './ask';
import { CommandIDs } from './commands';
import type { IServices } from './components/context';
import { Frame, mount } from './components/mount';
import type { Anchor, IDesk } from './desk';
import { Formatter } from './format';
import type { CockpitModel } from './model';
import { announce, followJobs, StatusItem } from './outside';
import { DOMAIN, type ICockpitApp } from './tokens';

const OPEN_FILE = 'docmanager:open';
const GO_TO_FOLDER = 'filebrowser:go-to-path';

const SUCCESS_MS = 5_000;
const ERROR_MS = 10_000;

export interface IAppOptions {
  app: JupyterFrontEnd;
  model: CockpitModel;
  translator: ITranslator;
  themes: IThemeManager | null;
  statusBar: IStatusBar | null;
}

/** Joins the views with the lab. Loaded when the panel is first shown. */
export function cockpitApp(options: IAppOptions): ICockpitApp {
  const { app, model, translator, themes, statusBar } = options;
  const { commands, serviceManager } = app;
  const trans = translator.load(DOMAIN);
  const format = new Formatter(trans, translator.languageCode);
  const menu = new MenuSvg({ commands });
  for (const command of [
    CommandIDs.addModel,
    CommandIDs.fromWorkflow,
    CommandIDs.templates,
    CommandIDs.installMissing,
    CommandIDs.verify
  ]) {
    menu.addItem({ command, args: { menu: true } });
  }
  menu.addItem({ type: 'separator' });
  menu.addItem({ command: CommandIDs.newVersion, args: { menu: true } });
  menu.addItem({ command: CommandIDs.collectGarbage, args: { menu: true } });
  menu.addItem({ type: 'separator' });
  menu.addItem({ command: CommandIDs.openWide, args: { menu: true } });
  menu.addItem({ command: CommandIDs.doctor });
  menu.addItem({ command: CommandIDs.restartDaemon });

  const desk: IDesk = {
    openMenu: anchor => openAt(menu, anchor),
    openRowMenu: (items, anchor) => {
      const own = new CommandRegistry();
      const rowMenu = new MenuSvg({ commands: own });
      items.forEach((item, index) => {
        if (!item) {
          rowMenu.addItem({ type: 'separator' });
          return;
        }
        const command = String(index);
        own.addCommand(command, {
          label: item.label,
          describedBy: { args: null },
          isEnabled: () => item.enabled,
          execute: () => item.run()
        });
        rowMenu.addItem({ command });
      });
      openAt(rowMenu, anchor);
    },
    openFile: commands.hasCommand(OPEN_FILE)
      ? async (path, line, column) => {
          const widget: unknown = await commands.execute(OPEN_FILE, {
            path,
            factory: 'Editor'
          });
          if (line !== undefined && isEditorWidget(widget)) {
            await widget.context.ready;
            const { editor } = widget.content;
            const position = { line: line - 1, column: (column ?? 1) - 1 };
            editor.setCursorPosition(position);
            editor.revealPosition(position);
            editor.focus();
          }
        }
      : null,
    openFolder: commands.hasCommand(GO_TO_FOLDER)
      ? async path => {
          // Jupyter answers something else for a folder called "checkpoints": then the one above it is as near as we get.
          const listed = await serviceManager.contents
            .get(path, { content: false })
            .then(
              ({ type }) => type === 'directory',
              () => false
            );
          const shown = listed ? path : path.replace(/\/?[^/]*$/, '');
          await commands.execute(GO_TO_FOLDER, { path: `/${shown}` });
        }
      : null,
    readText: async path => {
      const file = await serviceManager.contents.get(path, {
        type: 'file',
        format: 'text'
      });
      return String(file.content);
    },
    makeText: async (path, text) => {
      const { contents } = serviceManager;
      const folder = await contents.get('');
      const there = (folder.content as { path: string }[]).some(
        entry => entry.path === path
      );
      if (!there) {
        const type = 'file';
        await contents.save(path, { type, format: 'text', content: text });
      }
    },
    openPage: url => void window.open(url, '_blank', 'noopener,noreferrer'),
    copy: text => Clipboard.copyToSystem(text),
    confirm: async (title, body, accept) => {
      const buttons = [
        Dialog.cancelButton({ label: trans.__('Cancel') }),
        Dialog.warnButton({ label: accept })
      ];
      return (await showDialog({ title, body, buttons })).button.accept;
    },
    ask: dialog =>
      ask(
        dialog,
        content => (
          <Frame services={services} themes={themes}>
            {content}
          </Frame>
        ),
        trans
      ),
    tell: (message, tone, action) => {
      Notification.emit(message, tone, {
        autoClose: tone === 'error' ? ERROR_MS : SUCCESS_MS,
        actions: action
          ? [{ label: action.label, callback: action.run }]
          : undefined
      });
    },
    reloadPage: () => window.location.reload()
  };
  const actions = new Actions(desk, model, trans, format);
  const services: IServices = { model, actions, trans, format };
  const show = () => void commands.execute(CommandIDs.open);
  followJobs(model);
  announce(model, desk, trans, format, show);
  if (statusBar) {
    const item = new StatusItem(model, trans, format, show);
    statusBar.registerStatusItem(CommandIDs.open, {
      item,
      align: 'left',
      rank: 20,
      isActive: () => item.active,
      activeStateChanged: item.activeChanged
    });
  }
  return {
    actions,
    mount: node => mount(node, { services, themes }),
    hold: () => model.hold()
  };
}

function openAt(menu: MenuSvg, anchor: Anchor): void {
  if (anchor instanceof HTMLElement) {
    const { left, bottom } = anchor.getBoundingClientRect();
    menu.open(left, bottom);
  } else {
    menu.open(anchor.x, anchor.y);
  }
}

interface IPosition {
  line: number;
  column: number;
}

/** What a file opened in the lab's editor has, whichever package brings it. */
interface IEditorWidget extends Widget {
  context: { ready: Promise<void> };
  content: {
    editor: {
      setCursorPosition(position: IPosition): void;
      revealPosition(position: IPosition): void;
      focus(): void;
    };
  };
}

function isEditorWidget(widget: unknown): widget is IEditorWidget {
  return (
    typeof widget === 'object' &&
    widget !== null &&
    'context' in widget &&
    'content' in widget &&
    typeof widget.content === 'object' &&
    widget.content !== null &&
    'editor' in widget.content
  );
}
