import { access, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { launch, LabPage, picture } from './browser';
import { Hub } from './hub';
import { Lab } from './lab';

const SDXL = 'sdxl_mini_sdxl_mini_00093e6a';
const UPSCALER = 'upscaler_4x_demo_83d4fe68';
const GATED = 'no_licence_model_8743670a';
const ARRIVING = [
  'models/checkpoints/sdxl_mini.safetensors',
  'models/vae/sdxl_vae.safetensors',
  'models/loras/demo_style.safetensors'
];
const ACTIVATED = 'JupyterLab extension comfyui-cockpit is activated!';

let hub: Hub;
let browser: Browser;
let shown: LabPage | null = null;

beforeAll(async () => {
  [hub, browser] = await Promise.all([Hub.start('20MB'), launch()]);
});

afterAll(async () => {
  await Promise.all([browser?.close(), hub?.stop()]);
});

/** Whatever a test looked at, its console has no error. */
afterEach(async () => {
  const { errors = [] } = shown ?? {};
  await shown?.close();
  shown = null;
  expect(errors).toEqual([]);
});

async function open(
  lab: Lab,
  options: Parameters<typeof LabPage.open>[2] = {}
): Promise<LabPage> {
  shown = await LabPage.open(browser, lab, options);
  return shown;
}

async function arrives(lab: Lab, ...paths: string[]): Promise<void> {
  const here = () =>
    Promise.all(paths.map(path => access(join(lab.root, path))));
  await expect
    .poll(() => here().then(() => true, String), { timeout: 60_000 })
    .toBe(true);
}

function state(
  panel: LabPage,
  id: string,
  word: string | RegExp
): Promise<void> {
  return panel
    .row(id)
    .locator('.jp-ComfyCockpit-state', { hasText: word })
    .waitFor({ timeout: 60_000 });
}

function head(panel: LabPage, text: string | RegExp): Promise<void> {
  return panel.panel
    .locator('[role="status"]', { hasText: text })
    .waitFor({ timeout: 60_000 });
}

describe('a lab on the demo', () => {
  let lab: Lab;

  beforeAll(async () => {
    lab = await Lab.start({ files: await hub.files() });
  });

  afterAll(() => lab?.stop());

  it('has the auto_install bundle though nobody opened the panel', async () => {
    await arrives(lab, ...ARRIVING);
  });

  it('says in the console that it is there, and loads nothing of the panel before it opens', async () => {
    const panel = await open(lab);
    await expect.poll(() => panel.messages).toContain(ACTIVATED);
    const asked = await panel.page.evaluate(() =>
      performance.getEntriesByType('resource').map(entry => entry.name)
    );
    const ours = asked.filter(url =>
      url.includes('jupyterlab-comfyui-cockpit/static/')
    );
    expect(asked.filter(url => url.includes('/comfyui-cockpit/'))).toEqual([]);
    expect(ours.length).toBeLessThanOrEqual(3);
  });

  it('opens by its tab, and shows what arrived', async () => {
    const panel = await open(lab);
    await panel.openByTab();
    await state(panel, SDXL, 'Installed');
    await picture(panel.page.locator('#main'), 'real-installed');
  });

  it('opens in the main area by the tile of the launcher', async () => {
    const panel = await open(lab);
    await panel.page
      .locator('.jp-LauncherCard', { hasText: 'ComfyUI Cockpit' })
      .click();
    await panel.wide
      .locator(`[data-model="${SDXL}"]`, { hasText: 'Installed' })
      .waitFor();
    await picture(panel.page.locator('#main'), 'real-wide');
  });

  it('installs a model by the button of its row', async () => {
    const panel = await open(lab);
    await panel.openByTab();
    await panel.row(UPSCALER).getByText('runs code').waitFor();
    await panel.row(UPSCALER).getByRole('button', { name: 'Install' }).click();
    await panel.acceptPlan();
    await state(panel, UPSCALER, 'Installed');
    await arrives(lab, 'models/upscale_models/4x_demo.pth');
  });

  it('says why a model failed and what to do, and tries again', async () => {
    const panel = await open(lab);
    await panel.openByTab();
    await panel.panel
      .getByRole('button', { name: 'Install bundle gated' })
      .click();
    // It cannot be had: the plan says so, and is accepted all the same.
    const plan = panel.page.locator('.jp-Dialog-content');
    await plan.locator('.jp-ComfyCockpit-steps').waitFor();
    await picture(plan, 'real-plan');
    await panel.acceptPlan();
    await state(panel, GATED, 'Failed');
    await panel.row(GATED).getByRole('button', { name: 'Details' }).click();
    await panel.row(GATED).locator('.jp-ComfyCockpit-hint').waitFor();
    await picture(panel.panel, 'real-failed');
    const answer = panel.page.waitForResponse(/api\/models\/install/);
    await panel.row(GATED).getByRole('button', { name: 'Retry' }).click();
    expect((await answer).status()).toBe(202);
    await state(panel, GATED, 'Failed');
  });

  it('shows a download, cancels it without a trace, and installs it when asked again', async () => {
    await rm(join(lab.root, 'models/checkpoints/sdxl_mini.safetensors'));
    const panel = await open(lab);
    await panel.openByTab();
    await panel.row(SDXL).getByRole('button', { name: 'Install' }).click();
    await panel.acceptPlan();
    await state(panel, SDXL, 'Downloading');
    await panel.row(SDXL).getByText(/\d+%/).waitFor();
    await head(panel, 'Installing 1 of 1');
    await picture(panel.panel, 'real-downloading');
    await panel.row(SDXL).getByRole('button', { name: 'Cancel' }).click();
    await state(panel, SDXL, 'Missing');
    await panel.row(SDXL).getByRole('button', { name: 'Install' }).click();
    await panel.acceptPlan();
    await state(panel, SDXL, 'Installed');
    await arrives(lab, 'models/checkpoints/sdxl_mini.safetensors');
  });

  it('takes the colours of the dark theme, and of the light one again', async () => {
    const panel = await open(lab, { theme: 'dark' });
    await panel.openByTab();
    const colours = () =>
      panel.panel.evaluate(node => {
        const button = node.querySelector('.jp-ComfyCockpit-head button');
        return [
          getComputedStyle(node).backgroundColor,
          button && getComputedStyle(button).color
        ];
      });
    const dark = await colours();
    await panel.run('apputils:change-theme', { theme: 'JupyterLab Light' });
    await panel.page
      .locator('body[data-jp-theme-light="true"]')
      .waitFor({ state: 'attached' });
    await expect.poll(colours).not.toEqual(dark);
    expect((await colours())[0]).toBe('rgb(255, 255, 255)');
  });

  it('installs a bundle, verifies, and installs what is missing by the palette', async () => {
    await rm(join(lab.root, 'models/upscale_models/4x_demo.pth'));
    const panel = await open(lab);
    await panel.palette('Install Bundle…');
    const dialog = panel.page.locator('.jp-Dialog');
    await dialog.locator('select').selectOption('upscaling');
    await dialog.getByRole('button', { name: 'Install' }).click();
    await panel.acceptPlan();
    await state(panel, UPSCALER, 'Installed');
    await panel.palette('Verify Models');
    await head(panel, 'Verifying');
    await head(panel, /^(?!Verifying)/);
    await rm(join(lab.root, 'models/upscale_models/4x_demo.pth'));
    await panel.palette('Install All Missing Models');
    // One of them is gated: what is refused is shown before the others are fetched.
    await dialog.getByText('gated/no-licence').first().waitFor();
    await panel.acceptPlan();
    await arrives(lab, 'models/upscale_models/4x_demo.pth');
  });

  it('restarts the daemon by the palette, and catches up', async () => {
    const panel = await open(lab);
    await panel.openByTab();
    await state(panel, SDXL, 'Installed');
    await panel.palette('Restart Daemon');
    await head(panel, 'Starting…');
    await state(panel, SDXL, 'Installed');
    await head(panel, /^(?!Starting)/);
  });

  it('shows the errors of a broken models.json at their line, and mends with the file', async () => {
    const file = join(lab.root, 'models.json');
    const good = await readFile(file, 'utf8');
    const panel = await open(lab);
    await panel.openByTab();
    await state(panel, SDXL, 'Installed');
    await writeFile(file, good.replace('"display_name"', '"display_nam"'));
    try {
      await head(panel, '1 error in models.json');
      await panel.panel.getByRole('button', { name: 'Go to line 4' }).waitFor();
      await state(panel, SDXL, 'Installed');
      await panel.panel
        .getByRole('button', { name: 'Open models.json' })
        .click();
      await panel.page
        .locator('.jp-FileEditor', { hasText: 'display_nam' })
        .waitFor();
    } finally {
      await writeFile(file, good);
    }
    await head(panel, /^(?!.*models\.json)/);
  });
});

describe('a lab at a base URL, without a token', () => {
  let lab: Lab;

  beforeAll(async () => {
    lab = await Lab.start({
      files: await hub.files(),
      baseUrl: '/user/jo/',
      open: true
    });
  });

  afterAll(() => lab?.stop());

  it('shows models arrive, and warns that everybody is let in', async () => {
    const panel = await open(lab);
    await panel.openByTab();
    await panel.panel
      .getByText('This server asks for no token and no password.')
      .waitFor();
    await state(panel, SDXL, 'Installed');
    await head(panel, /^(?!Installing)/);
    await panel.row(UPSCALER).getByRole('button', { name: 'Install' }).click();
    await panel.acceptPlan();
    await state(panel, UPSCALER, 'Installed');
  });
});

describe('Notebook 7', () => {
  let lab: Lab;

  beforeAll(async () => {
    lab = await Lab.start({ files: await hub.files(), command: 'notebook' });
  });

  afterAll(() => lab?.stop());

  it('has the panel and its commands', async () => {
    const panel = await open(lab, { path: 'tree' });
    await expect.poll(() => panel.messages).toContain(ACTIVATED);
    await panel.palette('Open Panel');
    await state(panel, SDXL, 'Installed');
  });

  it('checks models.json in its editor', async () => {
    const panel = await open(lab, { path: 'tree' });
    await panel.page.goto(`${lab.url}edit/models.json?factory=Editor`);
    const text = panel.page.locator('.jp-FileEditor .cm-content');
    await text.getByText('"models"').first().click();
    await panel.page.keyboard.press('Control+End');
    await panel.page.keyboard.insertText('x');
    await panel.page.locator('.jp-ComfyCockpit-mark').first().waitFor();
  });
});
