import { execFile } from 'node:child_process';
import {
  lstat,
  mkdir,
  mkdtemp,
  readFile,
  readlink,
  rm,
  writeFile
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import type { Browser, Locator } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { faults, launch, LabPage, picture } from './browser';
import { Lab, PYTHON } from './lab';
import { COMFYUI, NODE, repository } from './repositories';

const WAIT = { timeout: 60_000 };

let folder: string;
let home: string;
let comfyui: string;
let node: string;
/** `3.12`: one that is here. */
let python: string;
let environment: Record<string, string>;
let lab: Lab;
let browser: Browser;
let shown: LabPage | null = null;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cockpit-versions-'));
  home = join(folder, 'home');
  await mkdir(home);
  environment = { HOME: home, COMFY_CACHE_ROOT: join(folder, 'cache') };
  [comfyui, node, python, lab, browser] = await Promise.all([
    repository(join(folder, 'ComfyUI'), COMFYUI),
    repository(join(folder, 'Example-Node'), NODE),
    pythonVersion(),
    Lab.start({ environment }),
    launch()
  ]);
});

afterAll(async () => {
  await Promise.all([browser?.close(), lab?.stop()]);
  await rm(folder, { recursive: true, force: true });
});

/** Whatever a test looked at, its console has no error but the answers that it provoked. */
afterEach(async () => {
  const { errors = [] } = shown ?? {};
  await shown?.close();
  shown = null;
  expect(errors.filter(error => !REFUSED.test(error))).toEqual([]);
});

/** The browser itself notes each answer that is no 2xx. */
const REFUSED =
  /Failed to load resource: the server responded with a status of 4\d\d .*api\/versions/;

async function pythonVersion(): Promise<string> {
  const say = 'import sys; print("%d.%d" % sys.version_info[:2])';
  return (await promisify(execFile)(PYTHON, ['-c', say])).stdout.trim();
}

async function open(
  options: Parameters<typeof LabPage.open>[2] = {},
  where = lab
): Promise<LabPage> {
  shown = await LabPage.open(browser, where, options);
  await shown.openByTab();
  return shown;
}

function state(panel: LabPage, id: string, word: string): Promise<void> {
  return panel
    .row(id)
    .locator('.jp-ComfyCockpit-state', { hasText: word })
    .waitFor(WAIT);
}

async function choose(panel: LabPage, id: string, item: string): Promise<void> {
  await panel.row(id).click({ button: 'right' });
  await panel.page.locator('.lm-Menu').getByText(item, { exact: true }).click();
}

const dialog = (panel: LabPage): Locator =>
  panel.page.locator('.jp-Dialog-content');

/** Looks at the plan, and accepts it. */
async function acceptPlan(panel: LabPage, name: string): Promise<void> {
  const plan = dialog(panel);
  await plan.locator('.jp-ComfyCockpit-groups').waitFor(WAIT);
  await picture(plan, name);
  expect(await faults(panel.page, '.jp-ComfyCockpit-dialog')).toEqual([]);
  await plan.getByRole('button', { name: 'Realize', exact: true }).click();
}

const spec = (id: string) => join(lab.root, 'versions', `${id}.json`);
const target = (id: string) => join(home, `comfy-${id}`);

async function edit(
  id: string,
  change: (spec: Record<string, unknown>) => void
): Promise<void> {
  const value = JSON.parse(await readFile(spec(id), 'utf8'));
  change(value);
  await writeFile(spec(id), `${JSON.stringify(value, null, 2)}\n`);
}

describe('a lab without versions', () => {
  it('makes the first from the form, says there what is wrong with it, and opens its spec', async () => {
    const panel = await open();
    await panel.panel
      .getByText('One file describes a ComfyUI', { exact: false })
      .waitFor(WAIT);
    await picture(panel.panel, 'real-versions-none');
    await panel.panel.getByRole('button', { name: 'New version…' }).click();
    const form = dialog(panel);
    const create = form.getByRole('button', { name: 'Create', exact: true });
    expect(await create.isDisabled()).toBe(true);
    await form.getByLabel('Name').fill('demo');
    await form.getByLabel('Repository of ComfyUI').fill(comfyui);
    await form.getByLabel('Branch, tag or commit').fill('nope');
    await form.getByLabel('Python', { exact: true }).fill(python);
    await form.getByLabel('Custom nodes, one a line').fill(`${node}@main`);
    await create.click();
    await form
      .getByText(/"nope"|nope/)
      .last()
      .waitFor(WAIT);
    await form.locator('.jp-ComfyCockpit-gate').waitFor(WAIT);
    await picture(form, 'real-versions-form-refused');
    await form.getByLabel('Branch, tag or commit').fill('main');
    await create.click();
    await panel.page
      .locator('.jp-FileEditor', { hasText: 'Example-Node' })
      .waitFor(WAIT);
    await state(panel, 'demo', 'Declared');
    const written = JSON.parse(await readFile(spec('demo'), 'utf8'));
    expect(written.comfy.commit).toMatch(/^[0-9a-f]{40}$/);
    expect(written.custom_nodes[0].ref).toBe('main');
  });

  it('plans, realizes step by step, and says so once', async () => {
    const panel = await open();
    await panel.row('demo').getByRole('button', { name: 'Realize' }).click();
    await acceptPlan(panel, 'real-versions-plan');
    await panel.panel
      .locator('[role="status"]', { hasText: 'Realizing demo' })
      .waitFor(WAIT);
    await panel.row('demo').getByRole('progressbar').waitFor(WAIT);
    await picture(panel.panel, 'real-versions-realizing');
    await state(panel, 'demo', 'Realized');
    await panel.page.getByText('demo is realized.').waitFor(WAIT);
    const link = await readlink(target('demo'));
    expect(link).toContain('.comfy-builds');
    await lstat(join(target('demo'), 'ComfyUI', 'main.py'));
    await picture(panel.panel, 'real-versions-realized');
  });

  it('has nothing to do for what is realized', async () => {
    const panel = await open();
    await state(panel, 'demo', 'Realized');
    await choose(panel, 'demo', 'Plan…');
    await dialog(panel)
      .getByText('Nothing to do', { exact: false })
      .waitFor(WAIT);
    const accept = dialog(panel).getByRole('button', { name: 'Realize' });
    expect(await accept.isDisabled()).toBe(true);
    await picture(dialog(panel), 'real-versions-nothing');
  });

  it('says stale after an edit, realizes again, rolls back, and undoes that', async () => {
    const panel = await open();
    await state(panel, 'demo', 'Realized');
    const before = await readlink(target('demo'));
    await edit('demo', value => {
      value['python_packages'] = ['idna==3.10'];
    });
    await state(panel, 'demo', 'Stale');
    await picture(panel.panel, 'real-versions-stale');
    await panel
      .row('demo')
      .getByRole('button', { name: 'Realize demo again' })
      .click();
    await acceptPlan(panel, 'real-versions-plan-again');
    await state(panel, 'demo', 'Realized');
    const after = await readlink(target('demo'));
    expect(after).not.toBe(before);
    await choose(panel, 'demo', 'Roll back');
    const message = panel.page.locator('.Toastify__toast', {
      hasText: 'demo is back at the build before.'
    });
    await message.waitFor(WAIT);
    expect(await readlink(target('demo'))).toBe(before);
    await state(panel, 'demo', 'Stale');
    await message.getByRole('button', { name: 'Undo' }).click();
    await state(panel, 'demo', 'Realized');
    expect(await readlink(target('demo'))).toBe(after);
  });

  it('clones, shows that in another tab too, and compares two', async () => {
    const panel = await open();
    const other = await LabPage.open(browser, lab);
    try {
      await other.openByTab();
      await state(other, 'demo', 'Realized');
      await choose(panel, 'demo', 'Clone…');
      await dialog(panel).getByRole('button', { name: 'Clone' }).click();
      await state(panel, 'demo-2', 'Resolved');
      await state(other, 'demo-2', 'Resolved');
      await edit('demo-2', value => {
        value['python_packages'] = ['idna==3.9'];
      });
      await state(panel, 'demo-2', 'Stale');
      await state(other, 'demo-2', 'Stale');
      expect(other.errors).toEqual([]);
    } finally {
      await other.close();
    }
    await choose(panel, 'demo', 'Compare with…');
    await dialog(panel).getByText('idna==3.9').waitFor(WAIT);
    await picture(dialog(panel), 'real-versions-diff');
  });

  it('tells a conflict where it is found: in the plan, and in the row', async () => {
    const panel = await open();
    await edit('demo-2', value => {
      value['python_packages'] = ['six==1.15.0'];
    });
    await state(panel, 'demo-2', 'Stale');
    await panel
      .row('demo-2')
      .getByRole('button', { name: 'Realize demo-2 again' })
      .click();
    await dialog(panel)
      .getByText(/six.*1\.15\.0/)
      .first()
      .waitFor(WAIT);
    await picture(dialog(panel), 'real-versions-conflict');
    // As a lab that is late with its start does.
    await panel.page.locator('.jp-Launcher').focus();
    await panel.page.keyboard.press('Escape');
    await choose(panel, 'demo-2', 'Resolve (upgrade)');
    await state(panel, 'demo-2', 'Failed');
    const row = panel.row('demo-2');
    await row.getByRole('button', { name: 'Details' }).click();
    await row
      .getByText(/six.*1\.15\.0/)
      .first()
      .waitFor(WAIT);
    await picture(panel.panel, 'real-versions-failed');
  });

  it('goes to the line of an error in a spec', async () => {
    const panel = await open();
    await edit('demo-2', value => {
      value['custom_node'] = [];
    });
    await state(panel, 'demo-2', 'Has errors');
    await panel.row('demo-2').getByRole('button', { name: 'Fix' }).click();
    const lines = (await readFile(spec('demo-2'), 'utf8')).split('\n');
    const line = lines.findIndex(text => text.includes('"custom_node"')) + 1;
    await panel.page.getByText(new RegExp(`^Ln ${line}, Col`)).waitFor(WAIT);
    await picture(panel.page.locator('#main'), 'real-versions-fix');
  });

  it('deletes after saying what goes, and collects what is left', async () => {
    const panel = await open();
    await choose(panel, 'demo-2', 'Delete…');
    await dialog(panel)
      .getByText('This goes, and frees', { exact: false })
      .waitFor(WAIT);
    await dialog(panel).getByRole('button', { name: 'Delete' }).click();
    await panel.row('demo-2').waitFor({ state: 'detached', ...WAIT });
    await choose(panel, 'demo', 'Delete…');
    await dialog(panel)
      .getByText(/frees [1-9].*B/)
      .waitFor(WAIT);
    await picture(dialog(panel), 'real-versions-delete');
    await dialog(panel).getByRole('button', { name: 'Delete' }).click();
    await state(panel, 'demo', 'Resolved');
    await panel.page.getByText(/demo is deleted: .*B freed/).waitFor(WAIT);
    await expect(lstat(target('demo'))).rejects.toThrow();
    await panel.palette('Collect Garbage…');
    await dialog(panel)
      .getByText('Packages that uv keeps', { exact: false })
      .waitFor(WAIT);
    await picture(dialog(panel), 'real-versions-gc');
    await dialog(panel).getByRole('button', { name: 'Delete' }).click();
    await panel.page.getByText(/^[\d.,]+\s\S*B freed$/).waitFor(WAIT);
  });

  it('is a tab when wide, in the dark theme too, and reached by the keyboard alone', async () => {
    const panel = await open({ theme: 'dark' });
    await state(panel, 'demo', 'Resolved');
    await panel.run('jupyterlab-comfyui-cockpit:open-wide');
    await panel.wide.getByRole('tab', { name: /Models/ }).focus();
    await panel.page.keyboard.press('ArrowRight');
    const row = panel.wide.locator('[data-model="demo"]');
    await row.waitFor();
    await row.focus();
    await panel.page.keyboard.press('Enter');
    await dialog(panel).locator('.jp-ComfyCockpit-groups').waitFor(WAIT);
    await picture(dialog(panel), 'real-versions-plan-dark');
    expect(await faults(panel.page, '.jp-ComfyCockpit-dialog')).toEqual([]);
    await panel.page.keyboard.press('Escape');
    await picture(panel.wide, 'real-versions-wide-dark');
    expect(await faults(panel.page, '#jp-main-dock-panel')).toEqual([]);
  });
});

describe('a lab in Japanese', () => {
  let translated: Lab;

  beforeAll(async () => {
    const declared = {
      schema_version: 2,
      version_id: 'demo',
      comfy: { repo: comfyui, ref: 'main' },
      custom_nodes: [],
      models: []
    };
    translated = await Lab.start({
      environment,
      locale: 'ja_JP',
      files: { 'versions/demo.json': JSON.stringify(declared) }
    });
  });

  afterAll(() => translated?.stop());

  it('has versions in its language', async () => {
    const panel = await open({}, translated);
    await panel.panel.getByRole('region', { name: 'バージョン' }).waitFor(WAIT);
    await panel.row('demo').getByRole('button', { name: '構築' }).waitFor(WAIT);
    await picture(panel.panel, 'real-versions-ja');
  });
});
