import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import {
  aCheck,
  aFile,
  aPlan,
  aStatus,
  aStep,
  aTemplate,
  named
} from '../labextension/tests/fixtures';
import { faults, launch, LabPage, picture, sideways } from './browser';
import { Lab } from './lab';
import { BUNDLES, TWELVE, type IScene } from './scenes';
import { stage } from './stage';

const GB = 1_000_000_000;

/** What a workflow of every state answers. */
const WORKFLOW = named(
  [
    aFile('flux1-dev.safetensors', {
      node_id: '12',
      node_type: 'UNETLoader',
      folder: 'diffusion_models',
      link: 'https://huggingface.co/Comfy-Org/flux1-dev/resolve/main/flux1-dev.safetensors',
      declaration: { size_bytes: 23_802_932_552 }
    }),
    aFile('flux1-dev.safetensors', {
      node_id: '57:12',
      node_type: 'UNETLoader',
      folder: 'diffusion_models'
    }),
    aFile(
      't5xxl_fp8_e4m3fn_scaled_with_a_name_too_long_for_a_line.safetensors',
      {
        node_id: '11',
        node_type: 'DualCLIPLoader',
        folder: 'text_encoders',
        link: 'https://huggingface.co/comfyanonymous/flux_text_encoders/resolve/main/t5xxl.safetensors',
        declaration: { size_bytes: 4_893_934_904 }
      }
    ),
    aFile('my_style.safetensors', {
      node_id: '40',
      node_type: 'LoraLoader',
      folder: 'loras'
    }),
    aFile('upscale.pth', {
      node_id: '41',
      node_type: 'UpscaleModelLoader',
      folder: 'upscale_models',
      state: 'ambiguous'
    }),
    aFile('clip_l.safetensors', {
      node_id: '11',
      node_type: 'DualCLIPLoader',
      folder: 'text_encoders',
      state: 'declared',
      model_id: 'clip_l'
    }),
    aFile('ae.safetensors', {
      node_id: '10',
      node_type: 'VAELoader',
      folder: 'vae',
      state: 'installed',
      model_id: 'ae'
    })
  ],
  [
    {
      workflow: 'flux.json',
      node_id: '77',
      node_type: 'SomebodysLoader',
      name: 'strange.pth'
    }
  ]
);

const TITLES: [string, string, number, number][] = [
  ['Flux Dev: Text to Image', 'Image', 28.9, 28.9],
  ['Z-Image-Turbo: Text to Image', 'Image', 20.8, 0],
  ['Qwen Image Edit 2509 with a title that is much too long', 'Image', 31, 12],
  ['Nano Banana 2.1: Text to Image', 'Image', 0, 0],
  ['Wan 2.2 14B: Image to Video', 'Video', 37.6, 37.6],
  ['LTX-2: Text to Video', 'Video', 43.1, 20]
];

const TEMPLATES = {
  ok: true,
  source: '/environment/templates',
  templates: Array.from({ length: 640 }, (_, index) => {
    const [title, category, size, missing] = TITLES[
      index % TITLES.length
    ] as (typeof TITLES)[number];
    return aTemplate(`t${index}`, {
      title: index < TITLES.length ? title : `${title} ${index}`,
      category,
      size_bytes: size * GB,
      missing_bytes: missing * GB
    });
  })
};

const DOCTOR = {
  ok: false,
  checks: [
    aCheck('version', { code: 'version', args: { version: '0.1.0' } }),
    aCheck('java', {
      code: 'java',
      args: { java: '25.0.1, Eclipse Adoptium, /opt/java' }
    }),
    aCheck('root', { code: 'root', args: { path: '/data/lab' } }),
    aCheck('models_dir', {
      state: 'failed',
      code: 'models_dir_not_writable',
      args: { path: '/data/lab/models' }
    }),
    aCheck('disk', {
      state: 'warning',
      code: 'disk_low',
      args: { free_bytes: 3.1 * GB, lease: true }
    }),
    aCheck('models.json', {
      code: 'declaration',
      args: { models: 12, bundles: 4 }
    }),
    aCheck('auto_install', {
      state: 'warning',
      code: 'auto_install_failed',
      args: {
        installed: 1,
        models: 2,
        problem: 'token_missing',
        detail: 'civitai.com asks for a token.',
        hint: 'Set CIVITAI_TOKEN and restart the Jupyter server.'
      }
    }),
    aCheck('settings', { code: 'settings' }),
    aCheck('huggingface', {
      code: 'hub_without_token',
      args: { address: 'https://huggingface.co', variable: 'HF_TOKEN' }
    }),
    aCheck('civitai', {
      code: 'hub_with_token',
      args: { address: 'https://civitai.com', variable: 'CIVITAI_TOKEN' }
    }),
    aCheck('proxy', { code: 'proxy_none' }),
    aCheck('certificates', { code: 'certificates' }),
    aCheck('clock', { code: 'clock', args: { time: '2026-11-25T01:02:03Z' } })
  ]
};

const SCENE: IScene = {
  status: aStatus(TWELVE, BUNDLES),
  answers: {
    'api/templates': TEMPLATES,
    'api/models/from-workflow': WORKFLOW,
    'api/models/plan': aPlan([aStep('t5'), aStep('clip_l')]),
    'api/doctor': DOCTOR
  }
};

const NOT_INSTALLED: IScene = {
  status: SCENE.status,
  answers: { 'api/templates': { ok: true, source: null, templates: [] } }
};

const TEMPLATES_COMMAND = 'jupyterlab-comfyui-cockpit:templates';
const WORKFLOW_COMMAND = 'jupyterlab-comfyui-cockpit:from-workflow';
const DOCTOR_COMMAND = 'jupyterlab-comfyui-cockpit:doctor';

let browser: Browser;
let lab: Lab | null = null;
let shown: LabPage | null = null;

beforeAll(async () => {
  browser = await launch();
});

afterAll(() => browser?.close());

afterEach(async () => {
  const { errors = [] } = shown ?? {};
  await shown?.close();
  shown = null;
  expect(errors).toEqual([]);
});

describe.each([
  ['en', 'light'],
  ['en', 'dark'],
  ['ja_JP', 'light'],
  ['ru_RU', 'light'],
  ['zh_CN', 'dark']
] as const)('in %s, %s', (locale, theme) => {
  beforeAll(async () => {
    lab = await Lab.start({
      files: { 'flux.json': '{}' },
      ...(locale === 'en' ? {} : { locale })
    });
  });

  afterAll(() => lab?.stop());

  const open = async (scene: IScene): Promise<LabPage> => {
    if (!lab) {
      throw new Error('There is no lab.');
    }
    shown = await LabPage.open(browser, lab, {
      theme,
      prepare: page => stage(page, scene)
    });
    await shown.openByTab();
    return shown;
  };
  const name = (what: string) => `${what}-${locale}-${theme}`;

  it('shows the official templates, narrow and wide', async () => {
    const panel = await open(SCENE);
    const { page } = panel;
    await panel.run(TEMPLATES_COMMAND);
    const rows = panel.panel.locator('[data-model]');
    await rows.first().waitFor();
    for (const width of [240, 320]) {
      await panel.sideWidth(width);
      await page.waitForTimeout(300);
      await picture(panel.panel, name(`templates-${width}`));
    }
    expect(await faults(page, '.jp-ComfyCockpit')).toEqual([]);
    // Few rows in the document, the last one by End.
    expect(await rows.first().getAttribute('aria-setsize')).toBe('640');
    await rows.first().focus();
    await page.keyboard.press('End');
    await panel.row('t639').waitFor();
    expect(await rows.count()).toBeLessThanOrEqual(100);
    await panel.run('jupyterlab-comfyui-cockpit:open-wide');
    await panel.wide.locator('[data-model]').first().waitFor();
    await page.waitForTimeout(300);
    await picture(panel.wide, name('templates-900'));
  });

  it('says what to install where there are none', async () => {
    const panel = await open(NOT_INSTALLED);
    await panel.run(TEMPLATES_COMMAND);
    await panel.panel.getByText(/pip install/).waitFor();
    await panel.sideWidth(240);
    await panel.page.waitForTimeout(300);
    await picture(panel.panel, name('templates-none-240'));
    expect(await faults(panel.page, '.jp-ComfyCockpit')).toEqual([]);
  });

  it('shows what a workflow names', async () => {
    const panel = await open(SCENE);
    const { page } = panel;
    await panel.begin(WORKFLOW_COMMAND);
    const content = page.locator('.jp-Dialog-content');
    const field = content.locator('input[type="text"]').first();
    await field.waitFor();
    await page.waitForTimeout(300);
    await picture(content, name('workflow-empty'));
    await field.fill('flux.json');
    await content.getByText('my_style.safetensors').waitFor();
    await content.locator('summary').click();
    await page.waitForTimeout(300);
    await picture(content, name('workflow'));
    expect(await faults(page, '.jp-ComfyCockpit-dialog')).toEqual([]);
    await page.keyboard.press('Escape');
    await content.waitFor({ state: 'detached' });
  });

  it('has a doctor', async () => {
    const panel = await open(SCENE);
    await panel.begin(DOCTOR_COMMAND);
    const content = panel.page.locator('.jp-Dialog-content');
    await content.getByText('CIVITAI_TOKEN').first().waitFor();
    await panel.page.waitForTimeout(300);
    await picture(content, name('doctor'));
    expect(await faults(panel.page, '.jp-ComfyCockpit-dialog')).toEqual([]);
  });
});

it('is narrow on a narrow page', async () => {
  lab = await Lab.start();
  shown = await LabPage.open(browser, lab, {
    width: 420,
    prepare: page => stage(page, SCENE)
  });
  await shown.begin(WORKFLOW_COMMAND);
  const content = shown.page.locator('.jp-Dialog-content');
  await content.locator('input[type="text"]').first().fill('flux.json');
  await content.getByText('my_style.safetensors').waitFor();
  await shown.page.waitForTimeout(300);
  await picture(content, 'workflow-narrow');
  await expect.poll(() => sideways(content)).toEqual([]);
  await lab.stop();
});
