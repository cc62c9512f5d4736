// @vitest-environment jsdom
import { nullTranslator } from '@jupyterlab/translation';
import { cleanup, render, screen, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { afterEach, describe, expect, it } from 'vitest';

import { Actions } from '../src/actions';
import { ServicesProvider } from '../src/components/context';
import { Models } from '../src/components/Models';
import { Formatter } from '../src/format';
import { CockpitModel } from '../src/model';
import { EVERYTHING, select, type IQuery } from '../src/select';
import type { IModelRow } from '../src/state';
import type { ModelStatus } from '../src/wire';
import { indexAt, RowHeights, windowOf } from '../src/windowing';
import { FakeClient, FakeDesk, FakePage } from './fakes';
import { aBundle, aModel, aProblem, aStatus } from './fixtures';

const trans = nullTranslator.load('test');

function aRow(model: ModelStatus): IModelRow {
  return {
    model,
    row: model.problem
      ? { kind: 'failed', problem: model.problem }
      : model.state === 'invalid'
        ? { kind: 'invalid', problem: null }
        : { kind: model.state }
  };
}

const MANY = Array.from({ length: 10_000 }, (_, index) =>
  aRow(
    aModel(`m${index}`, {
      display_name: `Model ${index}`,
      state: index % 3 === 0 ? 'installed' : 'missing'
    })
  )
);

function show(rows: readonly IModelRow[]) {
  const model = new CockpitModel(new FakeClient(aStatus([])), new FakePage());
  const format = new Formatter(trans, 'en');
  const actions = new Actions(new FakeDesk(), model, trans, format);
  const content = (given: readonly IModelRow[]) => (
    <ServicesProvider value={{ model, actions, trans, format }}>
      <div className="jp-ComfyCockpit-body">
        <Models rows={given} bundles={[]} installable folded={false} />
      </div>
    </ServicesProvider>
  );
  const { rerender } = render(content(rows));
  return (given: readonly IModelRow[]) => rerender(content(given));
}

afterEach(cleanup);

describe('10,000 models', () => {
  it('have at most 100 rows in the document, which know how many there are', () => {
    show(MANY);
    const rows = screen.getAllByRole('listitem');
    expect(rows.length).toBeLessThanOrEqual(100);
    expect(rows[0]?.getAttribute('aria-setsize')).toBe('10000');
    expect(rows[0]?.getAttribute('aria-posinset')).toBe('1');
  });

  it('are walked by the keyboard alone: End reaches the last, Home the first', async () => {
    show(MANY);
    const [first] = screen.getAllByRole('listitem');
    first?.focus();
    await userEvent.keyboard('{ArrowDown}');
    expect(document.activeElement?.getAttribute('data-model')).toBe('m1');
    await userEvent.keyboard('{End}');
    expect(document.activeElement?.getAttribute('data-model')).toBe('m9999');
    expect(screen.getAllByRole('listitem').length).toBeLessThanOrEqual(100);
    await userEvent.keyboard('{ArrowUp}');
    expect(document.activeElement?.getAttribute('data-model')).toBe('m9998');
    await userEvent.keyboard('{Home}');
    expect(document.activeElement?.getAttribute('data-model')).toBe('m0');
  });

  it('keep the focus where it is when the data change', async () => {
    const change = show(MANY);
    screen.getAllByRole('listitem')[0]?.focus();
    await userEvent.keyboard('{ArrowDown}{ArrowDown}');
    change([aRow(aModel('new')), ...MANY]);
    expect(document.activeElement?.getAttribute('data-model')).toBe('m2');
  });

  it('have one row that Tab reaches', () => {
    show(MANY);
    const reached = screen
      .getAllByRole('listitem')
      .filter(row => row.tabIndex === 0);
    expect(reached).toHaveLength(1);
  });

  it('are searched and counted', async () => {
    show(MANY);
    await userEvent.type(screen.getByRole('searchbox'), 'model 777');
    const section = screen.getByRole('region', { name: 'Models' });
    expect(await within(section).findByText('19 of 10,000')).toBeDefined();
    expect(screen.getAllByRole('listitem')).toHaveLength(19);
    await userEvent.click(screen.getByRole('button', { name: 'Clear' }));
    expect(await within(section).findByText('10,000')).toBeDefined();
  });
});

describe('the selection', () => {
  const rows = [
    aModel('b', { type: 'lora', host: 'civitai.com', size_bytes: 2 }),
    aModel('a', { state: 'installed', size_bytes: 3 }),
    aModel('d', { state: 'invalid', size_bytes: null }),
    aModel('c', { problem: aProblem('stalled'), size_bytes: 1 })
  ].map(aRow);
  const bundles = [aBundle('x', ['a', 'c'])];
  const ids = (query: Partial<IQuery>) =>
    select(rows, bundles, { ...EVERYTHING, ...query })
      .map(entry => entry.model.id)
      .join('');

  it.each([
    ['everything in the order of the file', {}, 'badc'],
    ['a type', { type: 'lora' }, 'b'],
    ['a host', { host: 'civitai.com' }, 'b'],
    ['a state', { state: 'differs' }, 'd'],
    ['a bundle', { bundle: 'x' }, 'ac'],
    ['words in the path', { text: 'CHECK a.safe' }, 'a'],
    ['by name', { sort: 'name' }, 'abcd'],
    ['by size, the unknown last', { sort: 'size' }, 'abcd'],
    ['by what needs attention', { sort: 'state' }, 'cdba']
  ] as const)('lists %s', (_, query, expected) => {
    expect(ids(query)).toBe(expected);
  });
});

describe('the window', () => {
  const ids = Array.from({ length: 1000 }, (_, index) => String(index));

  it('never has more than 100 rows, however high the screen is', () => {
    const heights = new RowHeights().with([['0', 10]]);
    const { first, end } = windowOf(heights.offsets(ids), 500, 100_000);
    expect(end - first).toBeLessThanOrEqual(100);
  });

  it('finds the row at a height, with rows of different heights', () => {
    const heights = new RowHeights().with([
      ['0', 50],
      ['1', 150]
    ]);
    const offsets = heights.offsets(ids);
    expect([0, 49, 50, 199, 200, 1e9].map(y => indexAt(offsets, y))).toEqual([
      0, 0, 1, 1, 2, 999
    ]);
  });
});
