import { describe, expect, it } from 'vitest';

import { faults, picture, sideways, THEMES } from './browser';
import { SCENES } from './scenes';
import { staged } from './stage';

const WIDTHS = [240, 320] as const;
const open = staged();

describe('in both themes', () => {
  it.each(Object.keys(SCENES))('shows %s', async name => {
    const scene = SCENES[name];
    if (!scene) {
      throw new Error(`There is no scene ${name}.`);
    }
    const shown = await open(scene);
    for (const theme of THEMES) {
      await shown.theme(theme);
      for (const width of WIDTHS) {
        await shown.sideWidth(width);
        await shown.page.waitForTimeout(300);
        await picture(shown.panel, `${name}-${width}-${theme}`);
        await expect
          .poll(() => sideways(shown.panel), {
            message: `${name} at ${width} px`
          })
          .toEqual([]);
      }
      expect(await faults(shown.page, '.jp-ComfyCockpit'), theme).toEqual([]);
    }
    await shown.run('jupyterlab-comfyui-cockpit:open-wide');
    await shown.wide.waitFor();
    for (const theme of THEMES) {
      await shown.theme(theme);
      await shown.page.waitForTimeout(300);
      await picture(shown.wide, `${name}-900-${theme}`);
    }
  });
});
