import type { Browser, Locator } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import {
  aCheck,
  aModel,
  aPlan,
  aProblem,
  aStatus,
  aStep
} from '../labextension/tests/fixtures';
import { faults, launch, LabPage, picture } from './browser';
import { Lab } from './lab';
import { BUNDLES, INSTALL, PROBLEM, TWELVE, type IScene } from './scenes';
import { stage } from './stage';

const GB = 1_000_000_000;
const THEMES = ['light', 'dark'] as const;

let lab: Lab;
let browser: Browser;
let shown: LabPage | null = null;

beforeAll(async () => {
  [lab, browser] = await Promise.all([
    Lab.start({ files: { 'models.json': '{\n  "models": {\n  }\n}\n' } }),
    launch()
  ]);
});

afterAll(async () => {
  await Promise.all([browser?.close(), lab?.stop()]);
});

afterEach(async () => {
  await shown?.close();
  shown = null;
});

async function open(
  scene: IScene,
  theme: (typeof THEMES)[number] = 'light'
): Promise<LabPage> {
  shown = await LabPage.open(browser, lab, {
    dark: theme === 'dark',
    prepare: page => stage(page, scene)
  });
  // The launcher takes the focus when it is there.
  await shown.page.locator('.jp-LauncherCard').first().waitFor();
  await shown.openByTab();
  return shown;
}

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
      theme
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
    await content.getByRole('button', { name: 'Install', exact: true }).click();
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
      theme
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
      theme
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
      theme
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
    const panel = await open({ status: aStatus(IDLE, BUNDLES) }, theme);
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

describe('10,000 models', () => {
  const MANY: IScene = {
    status: aStatus(
      Array.from({ length: 10_000 }, (_, index) =>
        aModel(`m${index}`, {
          display_name: `Model ${index}`,
          type: index % 2 ? 'lora' : 'checkpoint',
          state: index % 3 ? 'missing' : 'installed',
          problem: index % 7 === 1 ? PROBLEM : null
        })
      ),
      BUNDLES
    )
  };

  it('are few rows in the document, all reached by the keyboard, without a long task', async () => {
    const panel = await open(MANY);
    const rows = panel.panel.locator('[data-model]');
    await rows.first().waitFor();
    expect(await rows.first().getAttribute('aria-setsize')).toBe('10000');
    await panel.page.evaluate(() => {
      const seen: number[] = [];
      (window as unknown as { longTasks: number[] }).longTasks = seen;
      new PerformanceObserver(list => {
        seen.push(...list.getEntries().map(entry => entry.duration));
      }).observe({ type: 'longtask' });
    });
    await rows.first().focus();
    await panel.page.keyboard.press('End');
    await panel.row('m9999').waitFor();
    await expect
      .poll(() =>
        panel.page.evaluate(() =>
          document.activeElement?.getAttribute('data-model')
        )
      )
      .toBe('m9999');
    const box = await panel.row('m9999').boundingBox();
    const body = await panel.panel
      .locator('.jp-ComfyCockpit-body')
      .boundingBox();
    expect((box?.y ?? 0) + (box?.height ?? 0)).toBeLessThanOrEqual(
      (body?.y ?? 0) + (body?.height ?? 0) + 1
    );
    expect(await rows.count()).toBeLessThanOrEqual(100);
    await picture(panel.panel, 'many-320-light');
    await panel.page.keyboard.press('PageUp');
    await panel.page.keyboard.press('Home');
    await panel.row('m0').waitFor();
    await panel.panel.getByRole('searchbox').pressSequentially('model 77');
    await panel.panel.getByText(/^\d+ of 10,000$/).waitFor();
    await panel.page.mouse.move(150, 500);
    for (let turn = 0; turn < 10; turn += 1) {
      await panel.page.mouse.wheel(0, 3000);
      await panel.page.waitForTimeout(50);
    }
    expect(await rows.count()).toBeLessThanOrEqual(100);
    const tasks = await panel.page.evaluate(
      () => (window as unknown as { longTasks: number[] }).longTasks
    );
    expect(Math.max(0, ...tasks)).toBeLessThanOrEqual(100);
  });

  it('keep their place when one of them changes', async () => {
    const panel = await open(MANY);
    await panel.panel.locator('[data-model]').first().waitFor();
    await panel.panel
      .locator('.jp-ComfyCockpit-body')
      .evaluate(body => (body.scrollTop = 30_000));
    await panel.page.waitForTimeout(300);
    // A row that failed, just above what is seen.
    const failed = panel.panel.locator('.jp-mod-failed').first();
    const id = (await failed.getAttribute('data-model')) ?? '';
    await panel.row(id).evaluate(row => {
      const body = row.closest('.jp-ComfyCockpit-body');
      if (body) {
        const { bottom } = row.getBoundingClientRect();
        body.scrollTop += bottom - body.getBoundingClientRect().top + 5;
      }
    });
    await panel.page.waitForTimeout(300);
    const next = panel.row(`m${Number(id.slice(1)) + 1}`);
    const before = await next.boundingBox();
    const high = await panel.row(id).boundingBox();
    await panel
      .row(id)
      .getByRole('button', { name: 'Details' })
      .evaluate(button => (button as HTMLElement).click());
    await panel.page.waitForTimeout(300);
    const after = await next.boundingBox();
    const higher = await panel.row(id).boundingBox();
    expect(higher?.height).toBeGreaterThan(high?.height ?? 0);
    expect(Math.abs((after?.y ?? 0) - (before?.y ?? 0))).toBeLessThan(2);
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
    shown = await LabPage.open(browser, translated, {
      prepare: page =>
        stage(page, { status: aStatus(TWELVE, BUNDLES), jobs: INSTALL })
    });
    const { panel, page } = shown;
    await shown.openByTab();
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
