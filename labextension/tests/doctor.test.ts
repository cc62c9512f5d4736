import { readFile } from 'node:fs/promises';

import { nullTranslator } from '@jupyterlab/translation';
import { expect, it } from 'vitest';

import { checkWords } from '../src/doctor';
import { Formatter } from '../src/format';
import { aCheck } from './fixtures';

const trans = nullTranslator.load('test');
const format = new Formatter(trans, 'en');

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
          args: {
            time: '2026-11-25T01:02:03Z',
            problem: 'disk_full',
            detail: 'The disk is full.',
            hint: ''
          }
        }),
        trans,
        format
      ).detail === '§'
  );
  expect(wordless).toEqual([]);
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

it('tells a problem in the language of the lab', () => {
  const japanese = {
    ...trans,
    __: (text: string) => `訳 ${text}`
  } as typeof trans;
  const args = {
    problem: 'disk_full',
    detail: 'The file system of /data lacks 3 GB.',
    hint: ''
  };
  const check = aCheck('disk', { code: 'disk_unknown', args });
  const { detail, hint } = checkWords(check, japanese, format);
  expect(detail).toMatch(/^訳 .+\nThe file system of \/data lacks 3 GB\.$/);
  expect(hint).toMatch(/^訳 /);
  expect(checkWords(check, trans, format).detail).toBe(
    'The file system of /data lacks 3 GB.'
  );
});
