import type { TranslationBundle } from '@jupyterlab/translation';

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'] as const;

/** Numbers, sizes and times as people read them, in the lab's language. */
export class Formatter {
  /** @param languageCode As the translator gives it, for example `zh_CN`. */
  constructor(
    private readonly _trans: TranslationBundle,
    readonly languageCode: string
  ) {
    const locale = intlLocale(languageCode);
    this._whole = new Intl.NumberFormat(locale, { maximumFractionDigits: 0 });
    this._tenths = new Intl.NumberFormat(locale, {
      minimumFractionDigits: 1,
      maximumFractionDigits: 1
    });
    this._time = new Intl.DateTimeFormat(locale, {
      dateStyle: 'medium',
      timeStyle: 'short'
    });
    this._percent = new Intl.NumberFormat(locale, {
      style: 'percent',
      maximumFractionDigits: 0
    });
  }

  count(value: number): string {
    return this._whole.format(value);
  }

  /** Decimal units as the hubs show them: `6.9 GB`, `335.0 MB`, `12 kB`. */
  bytes(value: number): string {
    let unit = 0;
    let scaled = value;
    while (unit < UNITS.length - 1 && scaled >= (unit < 2 ? 999.5 : 999.95)) {
      scaled /= 1000;
      unit += 1;
    }
    const number =
      unit < 2 ? this._whole.format(scaled) : this._tenths.format(scaled);
    return `${number}\u00a0${UNITS[unit]}`;
  }

  rate(bytesPerSecond: number): string {
    return this._trans.__('%1/s', this.bytes(bytesPerSecond));
  }

  /** Share of the whole, rounded down: 100 % is said only of what is complete. */
  percent(done: number, total: number): string {
    return this._percent.format(share(done, total));
  }

  /** Date and time of day, as this computer has them. */
  time(instant: string): string {
    return this._time.format(new Date(instant));
  }

  /** `40 s`, `4 min`, `1 h 20 min`. */
  duration(seconds: number): string {
    if (seconds < 60) {
      return this._trans.__(
        '%1 s',
        this._whole.format(Math.max(1, Math.round(seconds)))
      );
    }
    const minutes = Math.round(seconds / 60);
    if (minutes < 60) {
      return this._trans.__('%1 min', this._whole.format(minutes));
    }
    const hours = this._whole.format(Math.floor(minutes / 60));
    return minutes % 60 === 0
      ? this._trans.__('%1 h', hours)
      : this._trans.__('%1 h %2 min', hours, this._whole.format(minutes % 60));
  }

  private readonly _whole: Intl.NumberFormat;
  private readonly _tenths: Intl.NumberFormat;
  private readonly _time: Intl.DateTimeFormat;
  private readonly _percent: Intl.NumberFormat;
}

/** `done / total` in whole hundredths, rounded down; 0 while nothing is known. */
export function share(done: number, total: number): number {
  return total > 0
    ? Math.floor((Math.min(done, total) / total) * 100) / 100
    : 0;
}

/** A locale that Intl takes: the lab's `ja_JP` is `ja-JP`; `default` and the unknown are English. */
export function intlLocale(languageCode: string): string {
  const tag = languageCode.replace('_', '-');
  try {
    return Intl.NumberFormat.supportedLocalesOf([tag])[0] ?? 'en';
  } catch (error) {
    if (error instanceof RangeError) {
      return 'en';
    }
    throw error;
  }
}
