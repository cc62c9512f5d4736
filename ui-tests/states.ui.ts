import type { Browser, Page, Route } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { launch, LabPage, picture } from './browser';
import { Lab } from './lab';
import { SCENES, type IScene } from './scenes';

const WIDTHS = [240, 320] as const;

let lab: Lab;
let browser: Browser;

beforeAll(async () => {
  [lab, browser] = await Promise.all([Lab.start(), launch()]);
});

afterAll(async () => {
  await Promise.all([browser?.close(), lab?.stop()]);
});

/** Answers in the server's place. */
async function stage(page: Page, scene: IScene): Promise<void> {
  const answer = (route: Route, json: object) => route.fulfill({ json });
  await page.route('**/comfyui-cockpit/**', async route => {
    const path = new URL(route.request().url()).pathname.split(
      '/comfyui-cockpit/'
    )[1];
    if (scene.absent) {
      await route.fulfill({ status: 404, json: { message: 'Not Found' } });
    } else if (path === 'server') {
      await answer(route, {
        version: '0.1.0',
        state: 'ready',
        log: [],
        authentication: true,
        cause: null,
        ...scene.server
      });
    } else if (scene.status === null) {
      // Never answered.
    } else if (path === 'api/models') {
      await answer(route, scene.status);
    } else if (path === 'api/events') {
      const data = JSON.stringify({
        api: 1,
        jobs: scene.jobs ?? [],
        models_revision: '1',
        versions_revision: null
      });
      await route.fulfill({
        contentType: 'text/event-stream',
        body: `id: 1-1\nevent: snapshot\ndata: ${data}\n\n`
      });
    }
  });
}

describe.each(['light', 'dark'] as const)('in the %s theme', theme => {
  it.each(Object.keys(SCENES))('shows %s', { timeout: 120_000 }, async name => {
    const scene = SCENES[name];
    if (!scene) {
      throw new Error(`There is no scene ${name}.`);
    }
    const shown = await LabPage.open(browser, lab, {
      dark: theme === 'dark',
      prepare: page => stage(page, scene)
    });
    try {
      await shown.openByTab();
      for (const width of WIDTHS) {
        await shown.sideWidth(width);
        await shown.page.waitForTimeout(300);
        await picture(shown.panel, `${name}-${width}-${theme}`);
        expect(await sideways(shown), `${name} at ${width} px`).toEqual([]);
      }
      await shown.run('jupyterlab-comfyui-cockpit:open-wide');
      await shown.wide.waitFor();
      await shown.page.waitForTimeout(300);
      await picture(shown.wide, `${name}-900-${theme}`);
    } finally {
      await shown.close();
    }
  });
});

/** Elements of the panel that are wider than it: something is cut off. */
function sideways(shown: LabPage): Promise<string[]> {
  return shown.panel.evaluate(panel => {
    const { right } = panel.getBoundingClientRect();
    return [...panel.querySelectorAll('*')]
      .filter(element => element.getBoundingClientRect().right > right + 1)
      .map(element => element.outerHTML.slice(0, 120));
  });
}
