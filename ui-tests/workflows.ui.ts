import { access, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { Browser, Locator } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { faults, launch, LabPage, picture } from './browser';
import { Hub } from './hub';
import { Lab } from './lab';

const SDXL = 'sdxl_mini.safetensors';
const VAE = 'sdxl_vae.safetensors';

let hub: Hub;
let browser: Browser;
let templates: string;
let lab: Lab | null = null;
let shown: LabPage | null = null;

beforeAll(async () => {
  [hub, browser, templates] = await Promise.all([
    Hub.start('40MB'),
    launch(),
    mkdtemp(join(tmpdir(), 'cockpit-templates-'))
  ]);
  const index = (title: string, category: string) => [
    {
      title: category,
      templates: [
        { name: 'mini', title, description: 'All of it.', size: 88_000_000 },
        { name: 'remote', title: 'Remote', description: '', size: 0 }
      ]
    }
  ];
  const files = {
    'index.json': index('SDXL mini', 'Image'),
    'index.ja.json': index('ミニ SDXL', '画像'),
    'mini.json': workflow(hub.url)
  };
  for (const [name, content] of Object.entries(files)) {
    await writeFile(join(templates, name), JSON.stringify(content));
  }
});

afterAll(async () => {
  await Promise.all([browser?.close(), hub?.stop()]);
  await rm(templates, { recursive: true, force: true });
});

afterEach(async () => {
  const { errors = [] } = shown ?? {};
  await shown?.close();
  await lab?.stop();
  shown = null;
  lab = null;
  expect(errors).toEqual([]);
});

/** What ComfyUI's editor saves: two models with links, one without, and a node that nobody knows. */
function workflow(url: string): object {
  const node = (id: number, type: string, name: string, models: object[]) => ({
    id,
    type,
    widgets_values: [name],
    properties: { models }
  });
  return {
    nodes: [
      node(4, 'CheckpointLoaderSimple', SDXL, [
        {
          name: SDXL,
          url: `${url}/demo/sdxl-mini/resolve/main/${SDXL}`,
          directory: 'checkpoints'
        }
      ]),
      node(7, 'VAELoader', VAE, [
        {
          name: VAE,
          url: `${url}/demo/sdxl-vae/resolve/main/vae/${VAE}`,
          directory: 'vae'
        }
      ])
    ],
    links: [],
    version: 0.4
  };
}

function withMore(url: string): object {
  const { nodes, ...rest } = workflow(url) as { nodes: object[] };
  return {
    nodes: [
      ...nodes,
      { id: 9, type: 'LoraLoader', widgets_values: ['lost.safetensors', 1, 1] },
      { id: 11, type: 'SomebodysLoader', widgets_values: ['strange.pth'] }
    ],
    ...rest
  };
}

async function open(
  files: Record<string, string>,
  options: { baseUrl?: string; locale?: string; declared?: boolean } = {}
): Promise<LabPage> {
  const { 'cockpit.json': settings = '{}' } = await hub.files();
  lab = await Lab.start({
    ...options,
    files: { 'cockpit.json': settings, ...files },
    environment: { COCKPIT_TEMPLATES_DIR: templates }
  });
  shown = await LabPage.open(browser, lab);
  return shown;
}

function dialog(panel: LabPage): Locator {
  return panel.page.locator('.jp-Dialog-content');
}

async function arrives(...paths: string[]): Promise<void> {
  const root = lab?.root ?? '';
  const here = () => Promise.all(paths.map(path => access(join(root, path))));
  await expect
    .poll(() => here().then(() => true, String), { timeout: 60_000 })
    .toBe(true);
}

async function declaration(): Promise<{
  models: Record<string, object>;
  bundles: Record<string, { models: string[] }>;
}> {
  return JSON.parse(
    await readFile(join(lab?.root ?? '', 'models.json'), 'utf8')
  );
}

describe('A workflow in the file browser', () => {
  it('is declared and installed by a right click on it', async () => {
    const panel = await open(
      {
        'flow one.json': JSON.stringify(withMore(hub.url)),
        'no_workflow.json': '{"a": 1}',
        'notes.md': 'x'
      },
      { baseUrl: '/x/y/' }
    );
    const { page } = panel;
    const item = (name: string) =>
      page.locator('.jp-DirListing-item', { hasText: name });
    const entry = page.locator('.lm-Menu-item', {
      hasText: 'Models of This Workflow…'
    });

    await item('notes.md').click({ button: 'right' });
    await page.locator('.lm-Menu-item', { hasText: 'Rename' }).waitFor();
    expect(await entry.isVisible()).toBe(false);
    await page.keyboard.press('Escape');

    await item('no_workflow.json').click({ button: 'right' });
    await entry.click();
    await dialog(panel)
      .getByText(/holds no ComfyUI workflow/)
      .waitFor();
    const accept = dialog(panel).getByRole('button', {
      name: 'Declare and install'
    });
    expect(await accept.isDisabled()).toBe(true);
    await picture(dialog(panel), 'workflow-refused');
    // The browser itself tells of the refused request.
    expect(panel.errors.splice(0)).toHaveLength(1);
    await page.keyboard.press('Escape');
    await dialog(panel).waitFor({ state: 'detached' });

    await item('flow one.json').click({ button: 'right' });
    await entry.click();
    await dialog(panel)
      .getByText(/3 model files · 88.0.MB to fetch/)
      .waitFor();
    await page.waitForTimeout(300);
    await picture(dialog(panel), 'workflow-real');
    expect(await faults(page, '.jp-ComfyCockpit-dialog')).toEqual([]);
    await accept.click();
    await dialog(panel)
      .getByText(/2 files, 88.0.MB/)
      .waitFor();
    await panel.acceptPlan();
    await arrives(`models/checkpoints/${SDXL}`, `models/vae/${VAE}`);
    const { bundles } = await declaration();
    expect(bundles['flow_one']?.models).toHaveLength(2);
    await panel.panel
      .getByRole('button', { name: 'More actions for bundle flow_one' })
      .waitFor();

    // What is there now needs nothing; also from this computer, by its bytes.
    await panel.palette('Models of a Workflow…');
    await dialog(panel)
      .locator('input[type="file"]')
      .setInputFiles({
        name: 'own.json',
        mimeType: 'application/json',
        buffer: Buffer.from(JSON.stringify(workflow(hub.url)))
      });
    await dialog(panel).getByText('Everything is there already.').waitFor();
    expect(await accept.isDisabled()).toBe(true);
  });
});

describe('The first run', () => {
  it('starts from a template, in the language of the lab', async () => {
    const panel = await open({}, { locale: 'ja_JP' });
    await panel.openByTab();
    await panel.panel
      .getByRole('button', { name: 'テンプレートから…' })
      .click();
    await panel.panel.getByText('ミニ SDXL').waitFor();
    await panel.panel.getByText(/画像 · 88.0.MB/).waitFor();
    await panel.page.waitForTimeout(300);
    await picture(panel.panel, 'templates-real-ja_JP');
    expect(await faults(panel.page, '.jp-ComfyCockpit')).toEqual([]);
    // The keyboard alone: from the search to the row, and Enter.
    await panel.panel.getByRole('searchbox').press('Tab');
    await panel.page.keyboard.press('Tab');
    await panel.page.keyboard.press('Enter');
    await dialog(panel)
      .getByText(/2 個のファイル、88.0/)
      .waitFor();
    await picture(dialog(panel), 'plan-ja_JP');
    await dialog(panel)
      .getByRole('button', { name: 'インストール', exact: true })
      .click();
    await arrives(`models/checkpoints/${SDXL}`, `models/vae/${VAE}`);
    const { bundles } = await declaration();
    expect(bundles['mini']?.models).toHaveLength(2);
    await panel.panel
      .locator('[data-model="mini"]')
      .getByText('インストール済み')
      .waitFor();
  });

  it('starts from a workflow, named by its path', async () => {
    const panel = await open({
      'workflows/flow.json': JSON.stringify(workflow(hub.url))
    });
    await panel.openByTab();
    await panel.panel.getByRole('button', { name: 'From a workflow…' }).click();
    await dialog(panel).getByLabel('Workflow').fill('workflows/flow.json');
    await dialog(panel)
      .getByText(/2 model files/)
      .waitFor();
    await dialog(panel)
      .getByRole('button', { name: 'Declare and install' })
      .click();
    await panel.acceptPlan();
    await arrives(`models/checkpoints/${SDXL}`);
  });

  it('starts from nothing, and models.json is checked and completed as it is written', async () => {
    const panel = await open({});
    const { page } = panel;
    await panel.openByTab();
    await panel.palette('Doctor');
    await dialog(panel).getByText('There is none.').waitFor();
    await page.keyboard.press('Escape');
    await dialog(panel).waitFor({ state: 'detached' });
    await panel.panel
      .getByRole('button', { name: 'Write it yourself' })
      .click();
    const text = page.locator('.jp-FileEditor .cm-content');
    await text.getByText('"bundles"').waitFor();

    // Written by hand, with a key that nobody knows.
    await text.click();
    await page.keyboard.press('Control+A');
    await page.keyboard.insertText(
      '{\n  "models": {\n    "a": {"sorce": "hf://demo/sdxl-mini/sdxl_mini.safetensors",\n      "path": "checkpoints/a.safetensors"}\n  },\n  "bundles": {"b": {"models": [""]}}\n}\n'
    );
    const mark = page.locator('.jp-ComfyCockpit-mark').first();
    await mark.waitFor();
    await page.locator('.jp-ComfyCockpit-mark', { hasText: '"sorce"' }).hover();
    const hover = page.locator('.jp-ComfyCockpit-hover');
    await hover.getByText(/Did you mean "source"/).waitFor();
    await page.waitForTimeout(200);
    await picture(page.locator('#jp-main-dock-panel'), 'editor-hover-light');
    await page.mouse.move(5, 5);
    await hover.waitFor({ state: 'detached' });
    await page.keyboard.press('F8');
    await hover.waitFor();
    expect(await faults(page, '.jp-ComfyCockpit-hover')).toEqual([]);

    // Members of a bundle: in the empty string of the list.
    const members = text.getByText('[""]');
    await text.locator('.cm-line', { hasText: 'bundles' }).click();
    await page.keyboard.press('End');
    for (let step = 0; step < 4; step += 1) {
      await page.keyboard.press('ArrowLeft');
    }
    await page.keyboard.press('Tab');
    const popup = page.locator('.jp-Completer:not(.lm-mod-hidden)');
    await popup.getByText('a', { exact: true }).waitFor();
    await page.keyboard.press('Enter');
    await text.getByText('["a"]').waitFor();
    expect(await members.count()).toBe(0);

    // Keys: where the wrong one stood.
    await text.getByText('"sorce"').dblclick();
    await page.keyboard.insertText('s');
    await page.keyboard.press('Tab');
    await popup.getByText('source').waitFor();
    await page.waitForTimeout(200);
    await picture(page.locator('#jp-main-dock-panel'), 'editor-completer');
    await page.keyboard.press('Enter');
    await text.getByText('"source"').waitFor();
    await mark.waitFor({ state: 'detached' });
    await page.keyboard.press('Control+S');
    await panel.row('a').waitFor();
  });

  it('leaves other files alone', async () => {
    const panel = await open({
      'models.json': '{"models": {"a": {}}}\n',
      'sub/models.json': '{"models": {"a": {}}}\n'
    });
    const { page } = panel;
    await panel.run('docmanager:open', {
      path: 'sub/models.json',
      factory: 'Editor'
    });
    await page.locator('.jp-FileEditor .cm-content').waitFor();
    await page.waitForTimeout(1500);
    expect(await page.locator('.jp-ComfyCockpit-mark').count()).toBe(0);

    // The one in the root has its errors in the panel too, each with its line.
    await panel.openByTab();
    await panel.panel
      .getByRole('button', { name: 'Go to line 1' })
      .first()
      .click();
    await page.locator('.jp-ComfyCockpit-mark').first().waitFor();
  });
});
