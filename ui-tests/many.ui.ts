import type { Locator } from 'playwright-core';
import { describe, expect, it } from 'vitest';

import { aBundle, aModel, aStatus } from '../labextension/tests/fixtures';
import { picture } from './browser';
import { BUNDLES, PROBLEM, type IScene } from './scenes';
import { staged } from './stage';

const open = staged();

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

/** Where a row lies as soon as it lies still. */
async function atRest(row: Locator): Promise<number> {
  let y = NaN;
  await expect
    .poll(
      async () => {
        const before = y;
        y = (await row.boundingBox())?.y ?? NaN;
        return y === before;
      },
      { interval: 200, timeout: 10_000 }
    )
    .toBe(true);
  return y;
}

describe('10,000 models', () => {
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

  it('stand being walked through in haste', async () => {
    const panel = await open({
      status: aStatus(
        MANY.status?.models ?? [],
        Array.from({ length: 200 }, (_, index) =>
          aBundle(`b${index}`, [`m${index}`])
        )
      )
    });
    const rows = panel.panel.locator('[data-model]');
    await rows.first().waitFor();
    for (let turn = 0; turn < 4; turn += 1) {
      await rows.first().focus();
      for (const key of ['End', 'Home', 'End', 'PageUp', 'Home']) {
        await panel.page.keyboard.press(key);
        await panel.page.waitForTimeout(turn * 100);
        expect(await rows.count()).toBeGreaterThan(0);
      }
      await panel.panel.getByRole('searchbox').fill(`model ${turn}99`);
      await panel.panel.getByText(/^\d+ of 10,000$/).waitFor();
      await panel.panel.getByRole('searchbox').fill('');
    }
    expect(panel.errors).toEqual([]);
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
    const next = panel.row(`m${Number(id.slice(1)) + 1}`);
    const before = await atRest(next);
    const high = await panel.row(id).boundingBox();
    await panel
      .row(id)
      .getByRole('button', { name: 'Details' })
      .evaluate(button => (button as HTMLElement).click());
    await panel.page.waitForTimeout(300);
    const after = await atRest(next);
    const higher = await panel.row(id).boundingBox();
    expect(higher?.height).toBeGreaterThan(high?.height ?? 0);
    expect(Math.abs(after - before)).toBeLessThan(2);
  });
});
