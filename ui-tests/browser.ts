import { mkdir } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import {
  chromium,
  errors,
  type Browser,
  type Locator,
  type Page
} from 'playwright-core';

import type { Lab } from './lab';

const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

const SCREENSHOTS = join(
  dirname(fileURLToPath(import.meta.url)),
  'screenshots'
);

export const THEMES = ['light', 'dark'] as const;
export type Theme = (typeof THEMES)[number];

/** Errors of the console and of scripts that are not ours: seen without our extension too. */
const NOT_OURS = [
  /favicon/,
  // Notebook 7.6 throws this once while it starts.
  /reading 'schema'.*static\/notebook\/notebook_core/s
];

export function launch(): Promise<Browser> {
  return chromium.launch({
    executablePath: process.env.COCKPIT_CHROMIUM ?? '/usr/bin/chromium',
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync'
    ]
  });
}

/** A page of a lab, and everything that its console said. */
export class LabPage {
  private constructor(
    readonly page: Page,
    readonly messages: string[],
    readonly errors: string[]
  ) {}

  /**
   * @param prepare Runs before the page is loaded: for routes.
   */
  static async open(
    browser: Browser,
    lab: Lab,
    options: {
      path?: string;
      theme?: Theme;
      prepare?: (page: Page) => Promise<void>;
      width?: number;
    } = {}
  ): Promise<LabPage> {
    const context = await browser.newContext({
      viewport: { width: options.width ?? 1280, height: 800 },
      reducedMotion: 'reduce'
    });
    context.setDefaultTimeout(20_000);
    const page = await context.newPage();
    const messages: string[] = [];
    const seen: string[] = [];
    const note = (error: string) => {
      if (!NOT_OURS.some(pattern => pattern.test(error))) {
        seen.push(error);
      }
    };
    page.on('console', message => {
      messages.push(message.text());
      if (message.type() === 'error') {
        note(`${message.text()} (${message.location().url})`);
      }
    });
    page.on('pageerror', error => note(error.stack ?? String(error)));
    await options.prepare?.(page);
    await page.goto(lab.page(options.path));
    await page.locator('#main, #top-panel-wrapper').first().waitFor();
    await page.locator('#jupyterlab-splash').waitFor({ state: 'detached' });
    if (options.path === undefined) {
      // It takes the focus when it is there.
      await page.locator('.jp-LauncherCard').first().waitFor();
    }
    const result = new LabPage(page, messages, seen);
    if (options.theme === 'dark') {
      await result.theme('dark');
    }
    return result;
  }

  /** Accepts the plan of an install, when it is there. */
  async acceptPlan(): Promise<void> {
    await this.page
      .locator('.jp-Dialog-content')
      .getByRole('button', { name: 'Install', exact: true })
      .click();
  }

  /** The app in the side panel. */
  get panel(): Locator {
    return this.page.locator('#jp-comfyui-cockpit-panel');
  }

  /** The app in the main area. */
  get wide(): Locator {
    return this.page.locator('#jp-main-dock-panel .jp-ComfyCockpit');
  }

  row(id: string): Locator {
    return this.panel.locator(`[data-model="${id}"]`);
  }

  async openByTab(): Promise<void> {
    await this.page
      .locator('.jp-SideBar [data-id="jp-comfyui-cockpit-panel"]')
      .click();
    await this.panel.locator('.jp-ComfyCockpit-head').waitFor();
  }

  /** Runs a command through the palette, as people do. */
  async palette(label: string): Promise<void> {
    const input = this.page.locator('.lm-CommandPalette-input');
    const item = this.page.locator('.lm-CommandPalette-item', {
      hasText: label
    });
    // A lab that is still busy with its start swallows the keys, or takes the focus, which closes the palette.
    for (let tries = 4; ; tries -= 1) {
      try {
        if (!(await input.isVisible())) {
          await this.page.keyboard.press('Control+Shift+C');
        }
        await input.fill(`ComfyUI Cockpit ${label}`, { timeout: 4000 });
        await item.first().click({ timeout: 4000 });
        return;
      } catch (error) {
        if (!(error instanceof errors.TimeoutError) || tries === 0) {
          throw error;
        }
      }
    }
  }

  /** Runs a command that is part of the lab, to set the scene. */
  async run(
    command: string,
    args: Record<string, string | number> = {}
  ): Promise<void> {
    await this.page.evaluate(
      async ([id, options]) => {
        const lab = (window as unknown as { jupyterapp?: ILabWindow })
          .jupyterapp;
        await lab?.commands.execute(id, options);
      },
      [command, args] as const
    );
  }

  /** Changes the lab's theme. */
  async theme(theme: Theme): Promise<void> {
    const light = theme === 'light';
    await this.run('apputils:change-theme', {
      theme: `JupyterLab ${light ? 'Light' : 'Dark'}`
    });
    await this.page
      .locator(`body[data-jp-theme-light="${light}"]`)
      .waitFor({ state: 'attached' });
  }

  /** Starts a command that ends when its dialog is closed. */
  async begin(command: string): Promise<void> {
    await this.page.evaluate(id => {
      const lab = (window as unknown as { jupyterapp?: ILabWindow }).jupyterapp;
      void lab?.commands.execute(id, {});
    }, command);
  }

  /** Makes the left side as wide as asked for, by its handle. */
  async sideWidth(width: number): Promise<void> {
    const handle = this.page
      .locator('#jp-main-split-panel > .lm-SplitPanel-handle')
      .first();
    // A lab that restores its layout late closes what was opened meanwhile.
    if (!(await this.panel.isVisible())) {
      await this.openByTab();
    }
    await Promise.all([this.panel.waitFor(), handle.waitFor()]);
    const [panel, grip] = await Promise.all([
      this.panel.boundingBox(),
      handle.boundingBox()
    ]);
    if (!panel || !grip) {
      throw new Error('The side panel is not shown.');
    }
    const y = grip.y + 300;
    await this.page.mouse.move(grip.x + grip.width / 2, y);
    await this.page.mouse.down();
    await this.page.mouse.move(panel.x + width + grip.width / 2, y, {
      steps: 4
    });
    await this.page.mouse.up();
  }

  async close(): Promise<void> {
    await this.page.context().close();
  }
}

interface ILabWindow {
  commands: { execute(id: string, args: object): Promise<unknown> };
}

/** Keeps a picture to look at. The folder is not committed. */
export async function picture(target: Locator, name: string): Promise<void> {
  await mkdir(SCREENSHOTS, { recursive: true });
  await target.screenshot({
    path: join(SCREENSHOTS, `${name}.png`),
    animations: 'disabled'
  });
}

/** Elements within another that are wider than it: something is cut off. */
export function sideways(within: Locator): Promise<string[]> {
  return within.evaluate(node => {
    const { right } = node.getBoundingClientRect();
    return [...node.querySelectorAll('*')]
      .filter(element => element.getBoundingClientRect().right > right + 1)
      .map(element => element.outerHTML.slice(0, 120));
  });
}

/** What axe finds wrong within a selector: rule and element. */
export async function faults(page: Page, selector: string): Promise<string[]> {
  const there = await page.evaluate(() => 'axe' in window);
  if (!there) {
    await page.addScriptTag({ path: AXE });
  }
  return page.evaluate(async within => {
    const { axe } = window as unknown as { axe: IAxe };
    const { violations } = await axe.run(within, {
      resultTypes: ['violations']
    });
    return violations.flatMap(({ id, nodes }) =>
      nodes.map(
        node =>
          `${id}: ${node.html.slice(0, 160)} ${node.any?.[0]?.message ?? ''}`
      )
    );
  }, selector);
}

interface IAxe {
  run(
    within: string,
    options: object
  ): Promise<{
    violations: {
      id: string;
      nodes: { html: string; any?: { message: string }[] }[];
    }[];
  }>;
}
