import type { JupyterFrontEnd } from '@jupyterlab/application';
import { Dialog, showDialog, type IThemeManager } from '@jupyterlab/apputils';
import type { ITranslator } from '@jupyterlab/translation';
import { MenuSvg } from '@jupyterlab/ui-components';

import { CommandIDs } from './commands';
import type { IServices } from './components/context';
import { mount } from './components/mount';
import { Formatter } from './format';
import type { CockpitModel } from './model';
import { DOMAIN } from './tokens';
import type { ICockpitApp } from './widgets/CockpitWidget';

const OPEN_FILE = 'docmanager:open';

/** Joins the views with the lab. Loaded when the panel is first shown. */
export function cockpitApp(
  app: JupyterFrontEnd,
  model: CockpitModel,
  translator: ITranslator,
  themes: IThemeManager | null
): ICockpitApp {
  const { commands } = app;
  const trans = translator.load(DOMAIN);
  const menu = new MenuSvg({ commands });
  for (const command of [CommandIDs.installMissing, CommandIDs.verify]) {
    menu.addItem({ command, args: { menu: true } });
  }
  menu.addItem({ type: 'separator' });
  menu.addItem({ command: CommandIDs.openWide, args: { menu: true } });
  menu.addItem({ command: CommandIDs.restartDaemon });
  const services: IServices = {
    model,
    trans,
    format: new Formatter(trans, translator.languageCode),
    openMenu: anchor => {
      const { left, bottom } = anchor.getBoundingClientRect();
      menu.open(left, bottom);
    },
    openFile: commands.hasCommand(OPEN_FILE)
      ? path => void commands.execute(OPEN_FILE, { path, factory: 'Editor' })
      : null,
    confirm: async (title, body, accept) => {
      const buttons = [
        Dialog.cancelButton({ label: trans.__('Cancel') }),
        Dialog.warnButton({ label: accept })
      ];
      return (await showDialog({ title, body, buttons })).button.accept;
    },
    reloadPage: () => window.location.reload()
  };
  return {
    mount: node => mount(node, { services, themes }),
    hold: () => model.hold()
  };
}
