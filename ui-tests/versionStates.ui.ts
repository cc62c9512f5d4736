import type { Locator } from 'playwright-core';
import { describe, expect, it } from 'vitest';

import { aStatus } from '../labextension/tests/fixtures';
import type { Job } from '../labextension/src/wire';
import { faults, picture, sideways, THEMES, type LabPage } from './browser';
import { BUNDLES, TWELVE, type IScene } from './scenes';
import { staged } from './stage';
import { DIFF, EVERY, FAILED, FREED, PLAN, REALIZING } from './versionScenes';

const open = staged({ quiet: true });

const NO_MODELS = aStatus([], [], {
  ok: false,
  declaration: { file: 'models.json', state: 'missing', errors: [] }
});
const every = (jobs: Job[] = []): IScene => ({
  status: NO_MODELS,
  versions: EVERY,
  jobs,
  answers: {
    'api/versions/new/plan': PLAN,
    'api/versions/diff': DIFF,
    'api/versions/demo': FREED
  }
});

const SCENES: Record<string, IScene> = {
  none: { status: aStatus(TWELVE.slice(0, 2), BUNDLES.slice(0, 1)) },
  every: every(),
  realizing: every(REALIZING),
  failed: every(FAILED),
  both: { ...every(REALIZING), status: aStatus(TWELVE, BUNDLES) }
};

it.each(Object.keys(SCENES))('shows versions: %s', async name => {
  const scene = SCENES[name];
  if (!scene) {
    throw new Error(`There is no scene ${name}.`);
  }
  const panel = await open(scene);
  await panel.panel.locator('.jp-ComfyCockpit-versions').waitFor();
  for (const details of await panel.panel
    .getByRole('button', { name: 'Details' })
    .all()) {
    if (name === 'failed' || name === 'every') {
      await details.click();
    }
  }
  for (const theme of THEMES) {
    await panel.theme(theme);
    for (const width of [240, 320]) {
      await panel.sideWidth(width);
      await panel.page.waitForTimeout(300);
      await picture(panel.panel, `versions-${name}-${width}-${theme}`);
      await expect.poll(() => sideways(panel.panel)).toEqual([]);
    }
    expect(await faults(panel.page, '.jp-ComfyCockpit'), theme).toEqual([]);
  }
  await panel.run('jupyterlab-comfyui-cockpit:open-wide');
  await panel.wide.getByRole('tab', { name: /Versions/ }).click();
  for (const theme of THEMES) {
    await panel.theme(theme);
    await panel.page.waitForTimeout(300);
    await picture(panel.wide, `versions-${name}-900-${theme}`);
    expect(await faults(panel.page, '#jp-main-dock-panel'), theme).toEqual([]);
  }
});

describe.each(THEMES)('in the %s theme', theme => {
  const dialog = async (panel: LabPage, name: string): Promise<Locator> => {
    const content = panel.page.locator('.jp-Dialog-content');
    await content.waitFor();
    await panel.page.waitForTimeout(600);
    await picture(content, `versions-${name}-${theme}`);
    expect(await faults(panel.page, '.jp-ComfyCockpit-dialog')).toEqual([]);
    return content;
  };

  const choose = async (panel: LabPage, row: string, item: string) => {
    await panel.row(row).click({ button: 'right' });
    await panel.page.locator('.lm-Menu').getByText(item).click();
  };

  it('shows the plan, what is compared, what goes, and the form', async () => {
    const panel = await open(every(), { theme });
    await panel.row('demo').click({ button: 'right' });
    await panel.page.waitForTimeout(200);
    await picture(panel.page.locator('#main'), `versions-menu-${theme}`);
    await panel.page.locator('.lm-Menu').press('Escape');
    await panel.row('new').getByRole('button', { name: 'Realize' }).click();
    await panel.page.getByText('93 steps').waitFor();
    const plan = await dialog(panel, 'plan');
    await plan.locator('summary', { hasText: 'Packages' }).click();
    await dialog(panel, 'plan-open');
    await panel.page.keyboard.press('Escape');
    await choose(panel, 'demo', 'Compare with…');
    await panel.page.getByText('4 differences').waitFor();
    await dialog(panel, 'diff');
    await panel.page.keyboard.press('Escape');
    await choose(panel, 'demo', 'Delete…');
    await panel.page.getByText(/frees 6.6.GB/).waitFor();
    await dialog(panel, 'delete');
    await panel.page.keyboard.press('Escape');
    await choose(panel, 'demo', 'Clone…');
    await dialog(panel, 'clone');
    await panel.page.keyboard.press('Escape');
    await panel.palette('New Version…');
    await dialog(panel, 'create');
  });
});
