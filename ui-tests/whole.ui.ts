import type { Locator } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import {
  aCheck,
  aPlan,
  aProblem,
  aStatus,
  aStep
} from '../labextension/tests/fixtures';
import { faults, picture, THEMES, type LabPage } from './browser';
import { Lab } from './lab';
import { BUNDLES, INSTALL, PROBLEM, TWELVE } from './scenes';
import { staged } from './stage';

const GB = 1_000_000_000;
const open = staged({
  files: { 'models.json': '{\n  "models": {\n  }\n}\n' }
});

const IDLE = TWELVE.map(model => ({ ...model, problem: null }));

const PLAN = aPlan(
  [
    aStep('flux', {
      action: 'blocked',
      size_bytes: 23_802_932_552,
      problem: PROBLEM
    }),
    aStep('t5', { size_bytes: 4_893_934_904 }),
    aStep('controlnet', { size_bytes: 2_502_139_104 }),
    aStep('upscaler', { size_bytes: 66_961_958, executes_code: true }),
    aStep('gone', { host: 'civitai.com', size_bytes: null }),
    aStep('sdxl', { action: 'present' })
  ],
  6 * GB,
  { unknown_sizes: 1 }
);

const FOUND = {
  ok: true,
  id: 'sdxl_1',
  written: false,
  model: {
    display_name: 'SDXL Base',
    version: '1.0',
    type: 'checkpoint',
    path: 'checkpoints/sd_xl_base_1.0.safetensors',
    size_bytes: 6_938_078_334,
    sha256: '31e35c80fc4829d14f90153f4c74cd59c90b779f6afe05a74cd6120b893f7e5b'
  },
  choices: [],
  gate: {
    kind: 'licence',
    url: 'https://huggingface.co/stabilityai/x',
    until: null
  },
  licence: 'openrail++',
  bundle: null
};

const AMBIGUOUS = aProblem('source_ambiguous', {
  title: 'The source fits more than one file',
  args: {
    choices: [
      {
        filename: 'sd_xl_base_1.0.safetensors',
        size_bytes: 6_938_078_334,
        source: 'hf://a/b/sd_xl_base_1.0.safetensors'
      },
      {
        filename: 'vae/diffusion_pytorch_model.fp16.safetensors',
        size_bytes: 334_643_268,
        source: 'hf://a/b/vae/diffusion_pytorch_model.fp16.safetensors'
      },
      {
        filename: 'unknown.gguf',
        size_bytes: -1,
        source: 'hf://a/b/unknown.gguf'
      }
    ]
  }
});

const DOCTOR = {
  ok: false,
  checks: [
    aCheck('java', {
      code: 'java',
      args: { java: '25.0.1, Eclipse Adoptium, /opt/java' }
    }),
    aCheck('disk', {
      state: 'warning',
      code: 'disk_low',
      args: { free_bytes: 3.1 * GB, lease: false }
    }),
    aCheck('of_another_day', { state: 'failed', detail: 'Not known here.' })
  ]
};

/** The one dialog, looked at by axe and by us. */
async function dialog(panel: LabPage, name: string): Promise<Locator> {
  const content = panel.page.locator('.jp-Dialog-content');
  await content.waitFor();
  await panel.page.waitForTimeout(600);
  await picture(content, name);
  expect(await faults(panel.page, '.jp-ComfyCockpit-dialog')).toEqual([]);
  return content;
}

describe.each(THEMES)('in the %s theme', theme => {
  it('shows a plan that does not fit before a byte is fetched', async () => {
    const panel = await open(
      {
        status: aStatus(IDLE, BUNDLES),
        answers: { 'api/models/plan': PLAN }
      },
      { theme }
    );
    const installs: string[] = [];
    panel.page.on('request', request => {
      if (request.url().includes('api/models/install')) {
        installs.push(request.postData() ?? '');
      }
    });
    await panel.panel
      .getByRole('button', { name: 'Install bundle flux_dev' })
      .click();
    const content = await dialog(panel, `plan-${theme}`);
    expect(installs).toEqual([]);
    await content.getByRole('button', { name: 'Leave out' }).click();
    await content.getByText(/GB left/).waitFor();
    await picture(content, `plan-fits-${theme}`);
    await panel.acceptPlan();
    await expect
      .poll(() => installs.map(text => JSON.parse(text)))
      .toEqual([{ models: ['t5', 'upscaler', 'gone'] }]);
  });

  it('adds a model from a pasted link', async () => {
    const panel = await open(
      {
        status: aStatus(IDLE, BUNDLES),
        answers: { 'api/models/declare': FOUND }
      },
      { theme }
    );
    await panel.palette('Add a Model…');
    const content = panel.page.locator('.jp-Dialog-content');
    const add = content.getByRole('button', { name: 'Add', exact: true });
    await content.getByLabel('Link').waitFor();
    await picture(content, `add-empty-${theme}`);
    expect(await add.isDisabled()).toBe(true);
    await content.getByLabel('Link').fill('https://huggingface.co/a/b');
    await content.getByText('SDXL Base · 1.0').waitFor();
    await dialog(panel, `add-found-${theme}`);
    await add.click();
    await panel.page.getByText('sdxl_1 is declared in models.json.').waitFor();
  });

  it('lets one of several files be chosen', async () => {
    const panel = await open(
      {
        status: aStatus(IDLE, BUNDLES),
        answers: { 'api/models/declare': AMBIGUOUS }
      },
      { theme }
    );
    await panel.palette('Add a Model…');
    const content = panel.page.locator('.jp-Dialog-content');
    await content.getByLabel('Link').fill('hf://a/b');
    await content.getByText('unknown.gguf').waitFor();
    await dialog(panel, `add-choices-${theme}`);
  });

  it('has a doctor', async () => {
    const panel = await open(
      { status: aStatus(IDLE, BUNDLES), answers: { 'api/doctor': DOCTOR } },
      { theme }
    );
    await panel.palette('Doctor');
    const content = panel.page.locator('.jp-Dialog-content');
    await content.getByText(/3.1.GB free/).waitFor();
    await content.getByText('Not known here.').waitFor();
    await dialog(panel, `doctor-${theme}`);
    await content.getByRole('button', { name: 'Copy report' }).click();
    await content.getByRole('button', { name: 'Copied' }).waitFor();
  });

  it('has a menu at each row, by right click and by keyboard alone', async () => {
    const panel = await open({ status: aStatus(IDLE, BUNDLES) }, { theme });
    const menu = panel.page.locator('.lm-Menu');
    await panel.row('sdxl').click({ button: 'right' });
    await menu.getByText('Remove file…').waitFor();
    await panel.page.waitForTimeout(200);
    await picture(panel.page.locator('#main'), `menu-${theme}`);
    await menu.press('Escape');
    await menu.waitFor({ state: 'detached' });
    await panel.row('sdxl').focus();
    await panel.page.keyboard.press('Tab');
    await panel.page.keyboard.press('Enter');
    await menu.getByText('Remove file…').waitFor();
    await menu.press('Escape');
    await menu.waitFor({ state: 'detached' });
    await panel.panel.getByRole('button', { name: 'Filter and order' }).click();
    await panel.sideWidth(240);
    await panel.page.waitForTimeout(300);
    await picture(panel.panel, `filters-240-${theme}`);
    expect(await faults(panel.page, '.jp-ComfyCockpit')).toEqual([]);
    await panel.panel.getByLabel('State').first().selectOption('differs');
    await panel.panel.getByText('1 of 12').waitFor();
  });
});

describe.each([
  ['ja_JP', 'モデル', 'インストール中 2 / 5'],
  ['ru_RU', 'Модели', 'Установка 2 из 5'],
  ['zh_CN', '模型', '正在安装 2 / 5']
])('a lab in %s', (locale, models, headline) => {
  let translated: Lab;

  beforeAll(async () => {
    translated = await Lab.start({ locale });
  });

  afterAll(() => translated?.stop());

  it('has a panel in its language', async () => {
    const shown = await open(
      { status: aStatus(TWELVE, BUNDLES), jobs: INSTALL },
      { where: translated }
    );
    const { panel, page } = shown;
    await panel.getByRole('region', { name: models, exact: true }).waitFor();
    await panel.getByText(headline).first().waitFor();
    for (const width of [240, 320]) {
      await shown.sideWidth(width);
      await page.waitForTimeout(300);
      await picture(panel, `language-${locale}-${width}`);
    }
    expect(await panel.getAttribute('aria-label')).toBe('ComfyUI Cockpit');
    expect(await faults(page, '.jp-ComfyCockpit')).toEqual([]);
  });
});
