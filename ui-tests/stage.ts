import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect } from 'vitest';

import { launch, LabPage, type Theme } from './browser';
import { Lab, type ILabOptions } from './lab';
import type { IScene } from './scenes';

/**
 * One lab and one browser for a file of tests.
 *
 * @param quiet The console must say no error. Not so where a scene refuses something: the browser notes that.
 * @returns Opens the side panel on a scene, for one test.
 */
export function staged({
  quiet = false,
  ...options
}: ILabOptions & { quiet?: boolean } = {}): (
  scene: IScene,
  how?: { theme?: Theme; where?: Lab }
) => Promise<LabPage> {
  let lab: Lab;
  let browser: Browser;
  let shown: LabPage | null = null;

  beforeAll(async () => {
    [lab, browser] = await Promise.all([Lab.start(options), launch()]);
  });

  afterAll(async () => {
    await Promise.all([browser?.close(), lab?.stop()]);
  });

  afterEach(async () => {
    const { errors = [] } = shown ?? {};
    await shown?.close();
    shown = null;
    if (quiet) {
      expect(errors).toEqual([]);
    }
  });

  return async (scene, { theme = 'light', where = lab } = {}) => {
    shown = await LabPage.open(browser, where, {
      theme,
      prepare: page => stage(page, scene)
    });
    await shown.openByTab();
    return shown;
  };
}

/** Answers in the server's place. */
export async function stage(page: Page, scene: IScene): Promise<void> {
  await page.route('**/comfyui-cockpit/**', async route => {
    const path = new URL(route.request().url()).pathname.split(
      '/comfyui-cockpit/'
    )[1];
    const prepared = path === undefined ? undefined : scene.answers?.[path];
    if (scene.absent) {
      await route.fulfill({ status: 404, json: { message: 'Not Found' } });
    } else if (prepared !== undefined) {
      const refused = 'code' in prepared;
      await route.fulfill({
        status: refused ? 409 : 200,
        contentType: refused ? 'application/problem+json' : 'application/json',
        body: JSON.stringify(prepared)
      });
    } else if (path === 'server') {
      await route.fulfill({
        json: {
          version: '0.1.0',
          state: 'ready',
          log: [],
          authentication: true,
          cause: null,
          ...scene.server
        }
      });
    } else if (scene.status === null) {
      // Never answered.
    } else if (path === 'api/models') {
      await route.fulfill({ json: scene.status });
    } else if (path === 'api/versions') {
      await route.fulfill({
        json: {
          ok: true,
          revision: 'v1',
          directory: '/home/jo/work/versions',
          versions: scene.versions ?? []
        }
      });
    } else if (path === 'api/events') {
      const data = JSON.stringify({
        api: 1,
        jobs: scene.jobs ?? [],
        models_revision: '1',
        versions_revision: 'v1'
      });
      await route.fulfill({
        contentType: 'text/event-stream',
        body: `id: 1-1\nevent: snapshot\ndata: ${data}\n\n`
      });
    }
  });
}
