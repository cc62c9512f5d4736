import { nullTranslator } from '@jupyterlab/translation';
import { describe, expect, it } from 'vitest';

import { Formatter, intlLocale, share } from '../src/format';

const trans = nullTranslator.load('test');
const format = new Formatter(trans, 'en');
/** The no-break space between number and unit. */
const S = '\u00a0';

describe('sizes', () => {
  it.each([
    [0, `0${S}B`],
    [999, `999${S}B`],
    [1_000, `1${S}kB`],
    [24_655, `25${S}kB`],
    [999_499, `999${S}kB`],
    [999_500, `1.0${S}MB`],
    [334_641_162, `334.6${S}MB`],
    [999_949_999, `999.9${S}MB`],
    [999_950_000, `1.0${S}GB`],
    [6_938_078_334, `6.9${S}GB`],
    [1_500_000_000_000, `1.5${S}TB`]
  ])('says %i bytes as the hubs do', (bytes, text) => {
    expect(format.bytes(bytes)).toBe(text);
  });

  it('uses the decimal sign of the language', () => {
    expect(new Formatter(trans, 'ru_RU').bytes(6_938_078_334)).toBe(
      `6,9${S}GB`
    );
  });
});

describe('times', () => {
  it.each([
    [0.2, '1 s'],
    [40, '40 s'],
    [60, '1 min'],
    [250, '4 min'],
    [3_599, '1 h'],
    [3_600, '1 h'],
    [4_800, '1 h 20 min']
  ])('says %d seconds in words', (seconds, text) => {
    expect(format.duration(seconds)).toBe(text);
  });
});

describe('shares', () => {
  it('says 100 % only of what is complete', () => {
    expect(format.percent(9_999, 10_000)).toBe('99%');
    expect(format.percent(10_000, 10_000)).toBe('100%');
  });

  it('is 0 while the whole is unknown, and never above 1', () => {
    expect(share(5, 0)).toBe(0);
    expect(share(11, 10)).toBe(1);
  });
});

describe('locales', () => {
  it.each([
    ['zh_CN', 'zh-CN'],
    ['ja_JP', 'ja-JP'],
    ['default', 'en'],
    ['', 'en']
  ])('takes %s of the lab as %s', (code, locale) => {
    expect(intlLocale(code)).toBe(locale);
  });
});
