/** Where rows of different heights lie below each other: most heights are guessed, those once seen are known. */
export class RowHeights {
  constructor(
    private readonly _known: ReadonlyMap<string, number> = new Map(),
    private readonly _usual: number | null = null
  ) {}

  /** Knows the measured heights too; the same object when nothing is news. */
  with(measured: Iterable<readonly [string, number]>): RowHeights {
    const news = [...measured].filter(
      ([id, height]) =>
        height > 0 && Math.abs((this._known.get(id) ?? 0) - height) >= 0.5
    );
    if (news.length === 0) {
      return this;
    }
    const least = Math.min(...news.map(([, height]) => height));
    return new RowHeights(
      new Map([...this._known, ...news]),
      Math.min(this._usual ?? least, least)
    );
  }

  /** Tops of the rows, and at the end the height of all. */
  offsets(ids: readonly string[]): Float64Array {
    const usual = this._usual ?? GUESS;
    const result = new Float64Array(ids.length + 1);
    let top = 0;
    ids.forEach((id, index) => {
      result[index] = top;
      top += this._known.get(id) ?? usual;
    });
    result[ids.length] = top;
    return result;
  }
}

const GUESS = 46;
/** Rows kept beyond each edge. */
const BEYOND = 4;
/** The most rows in the document, whatever the height of the screen. */
const MOST = 96;

/** The rows that are rendered: from `first` up to, and without, `end`. */
export function windowOf(
  offsets: Float64Array,
  top: number,
  height: number
): { first: number; end: number } {
  const count = offsets.length - 1;
  const first = Math.max(0, indexAt(offsets, top) - BEYOND);
  const end = Math.min(
    count,
    first + MOST,
    indexAt(offsets, top + height) + 1 + BEYOND
  );
  return { first, end };
}

/** The row that lies at `y`; the nearest one when none does. */
export function indexAt(offsets: Float64Array, y: number): number {
  let low = 0;
  let high = Math.max(0, offsets.length - 2);
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((offsets[middle] ?? 0) <= y) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  return low;
}
