import { readFile } from 'node:fs/promises';

import { nullTranslator } from '@jupyterlab/translation';
import { describe, expect, it } from 'vitest';

import { catalogue } from '../src/catalogue';
import { explain } from '../src/problem';
import { aProblem } from './fixtures';
import { sourceStrings } from './strings';

/** The lab takes a translation for one with a plural only where it has two forms at least. */
const LOCALES: [string, number][] = [
  ['ja_JP', 2],
  ['ru_RU', 3],
  ['zh_CN', 2]
];

type Catalogue = Record<string, string[] | Record<string, string>>;

async function translations(locale: string): Promise<Catalogue> {
  const file = new URL(
    `../../jupyter_server_ext/comfyui_cockpit/locale/${locale}/LC_MESSAGES/jupyterlab_comfyui_cockpit.json`,
    import.meta.url
  );
  return JSON.parse(await readFile(file, 'utf8')) as Catalogue;
}

const places = (text: string) => (text.match(/%\d/g) ?? []).sort().join();

describe.each(LOCALES)('the catalogue of %s', (locale, forms) => {
  it('has every string of the source, and no other', async () => {
    const source = await sourceStrings();
    const { '': header, ...entries } = await translations(locale);
    expect(header).toMatchObject({ language: locale.replace('_', '-') });
    expect(Object.keys(entries).sort()).toEqual([...source.keys()].sort());
  });

  it('has each plural form, and keeps each place for a value', async () => {
    const entries = await translations(locale);
    for (const [key, plural] of await sourceStrings()) {
      const texts = entries[key] as string[];
      expect(texts, key).toHaveLength(plural === null ? 1 : forms);
      for (const text of texts) {
        expect(places(text), key).toBe(places(key));
        expect(text.trim(), key).not.toBe('');
      }
    }
  });

  it('translates every string', async () => {
    const same = Object.entries(await translations(locale))
      .filter(([key, texts]) => Array.isArray(texts) && texts[0] === key)
      .map(([key]) => key)
      // "1 of 2" is "1 / 2" in some languages, "1/s" needs no other unit.
      .filter(key => /[A-Za-z]{2}/.test(key));
    expect(same).toEqual([]);
  });
});

describe('problems', () => {
  it('have the words of the daemon, as its list of errors has them', async () => {
    const page = await readFile(
      new URL('../../docs/reference/errors.md', import.meta.url),
      'utf8'
    );
    const listed = Object.fromEntries(
      [...page.matchAll(/^\| `(\w+)` \| (.*?) \| (.*?) \| \d/gm)].map(
        ([, code, title, hint]) => [code, [title, hint]]
      )
    );
    expect(catalogue({ __: text => text })).toEqual(listed);
  });

  it('are told in the language of the lab, by their code', async () => {
    const entries = await translations('ja_JP');
    const trans = nullTranslator.load('test');
    trans.__ = text => (entries[text] as string[] | undefined)?.[0] ?? text;
    const { summary, detail, hint } = explain(
      aProblem('file_not_found', {
        title: 'File not found',
        detail: 'x.safetensors is not in a/b.',
        hint: 'Did you mean y.safetensors?'
      }),
      trans
    );
    expect(summary).toBe('ファイルが見つかりません');
    expect(detail).toBe(
      'x.safetensors is not in a/b.\nDid you mean y.safetensors?'
    );
    expect(hint).toBe(
      'ファイル名をモデルのページで確認してください。大文字と小文字は区別されます。'
    );
  });
});
