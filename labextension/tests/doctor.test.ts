import { readFile } from 'node:fs/promises';

import { nullTranslator } from '@jupyterlab/translation';
import { expect, it } from 'vitest';

import { checkWords } from '../src/doctor';
import { Formatter } from '../src/format';
import { aCheck } from './fixtures';

const trans = nullTranslator.load('test');
const format = new Formatter(trans, 'en');

/** These carry a problem, which is told in its own words. */
const PROBLEMS = [
  'disk_unknown',
  'gcs_wrong',
  'settings_invalid',
  'settings_warning'
];

it('has words for everything that the doctor finds', async () => {
  const source = await readFile(
    new URL(
      '../../sidecar/src/main/java/comfyui/cockpit/app/Doctor.java',
      import.meta.url
    ),
    'utf8'
  );
  const call =
    /Check(?:\.ok|\.of)?\(\s*(?:"[\w.]+"|name),\s*(?:State\.\w+,\s*)?"(\w+)"/g;
  const codes = [...source.matchAll(call)].map(match => match[1] ?? '');
  expect(codes.length).toBeGreaterThan(20);
  const wordless = codes.filter(
    code =>
      checkWords(
        aCheck('clock', {
          code,
          detail: '§',
          args: { time: '2026-11-25T01:02:03Z' }
        }),
        trans,
        format
      ).detail === '§'
  );
  expect(wordless.sort()).toEqual(PROBLEMS);
});

it('says sizes and times as people read them', () => {
  const { name, detail, hint } = checkWords(
    aCheck('disk', { code: 'disk_low', args: { free_bytes: 3_100_000_000 } }),
    trans,
    format
  );
  expect(name).toBe('Disk');
  expect(detail).toBe('3.1\u00a0GB free');
  expect(hint).toBe('Models are large; free space or use a larger volume.');
});
