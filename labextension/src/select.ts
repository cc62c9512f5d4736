import type { IModelRow, Row } from './state';
import type { BundleStatus, ModelStatus } from './wire';

export type StateFilter =
  'installed' | 'missing' | 'active' | 'failed' | 'differs';

export type Sort = 'declared' | 'name' | 'size' | 'state';

/** What of the models is listed, and in which order. Empty strings choose all. */
export interface IQuery {
  readonly text: string;
  readonly type: string;
  readonly state: StateFilter | '';
  readonly bundle: string;
  readonly host: string;
  readonly sort: Sort;
}

export const EVERYTHING: IQuery = {
  text: '',
  type: '',
  state: '',
  bundle: '',
  host: '',
  sort: 'declared'
};

/** The values that there are, in the order of the alphabet. */
export interface IFacets {
  readonly types: readonly string[];
  readonly hosts: readonly string[];
}

export function facetsOf(rows: readonly IModelRow[]): IFacets {
  const values = (of: (entry: IModelRow) => string | null) =>
    [...new Set(rows.flatMap(entry => of(entry) ?? []))].sort();
  return {
    types: values(entry => entry.model.type),
    hosts: values(entry => entry.model.host)
  };
}

export function isNarrowed(query: IQuery): boolean {
  const { text, type, state, bundle, host } = query;
  return [text, type, state, bundle, host].some(value => value !== '');
}

/** The rows that fit, in order. Every word of the text must be found in the name, id, path or type. */
export function select(
  rows: readonly IModelRow[],
  bundles: readonly BundleStatus[],
  query: IQuery
): readonly IModelRow[] {
  const words = query.text.toLowerCase().split(/\s+/).filter(Boolean);
  const bundle = bundles.find(entry => entry.id === query.bundle);
  const members = bundle ? new Set(bundle.models) : null;
  const fits = ({ model, row }: IModelRow): boolean =>
    (query.type === '' || model.type === query.type) &&
    (query.host === '' || model.host === query.host) &&
    (query.state === '' || stateOf(row) === query.state) &&
    (members === null || members.has(model.id)) &&
    (words.length === 0 || holds(searched(model), words));
  const chosen =
    isNarrowed(query) && rows.length > 0 ? rows.filter(fits) : rows;
  switch (query.sort) {
    case 'declared':
      return chosen;
    case 'name':
      return sorted(chosen, (a, b) =>
        byText(a.model.display_name, b.model.display_name)
      );
    case 'size':
      return sorted(
        chosen,
        (a, b) => (b.model.size_bytes ?? -1) - (a.model.size_bytes ?? -1)
      );
    case 'state':
      return sorted(
        chosen,
        (a, b) =>
          URGENCY.indexOf(stateOf(a.row)) - URGENCY.indexOf(stateOf(b.row))
      );
  }
}

const URGENCY: readonly StateFilter[] = [
  'failed',
  'differs',
  'active',
  'missing',
  'installed'
];

function stateOf(row: Row): StateFilter {
  switch (row.kind) {
    case 'queued':
    case 'working':
    case 'cancelling':
      return 'active';
    case 'invalid':
      return 'differs';
    default:
      return row.kind;
  }
}

const texts = new WeakMap<ModelStatus, string>();

/** What the words are looked for in; made once for each model. */
function searched(model: ModelStatus): string {
  const known = texts.get(model);
  if (known !== undefined) {
    return known;
  }
  const { display_name: name, version, id, path, type } = model;
  const text = `${name} ${version ?? ''} ${id} ${path} ${type ?? ''}`;
  const lower = text.toLowerCase();
  texts.set(model, lower);
  return lower;
}

function holds(text: string, words: readonly string[]): boolean {
  return words.every(word => text.includes(word));
}

function sorted(
  rows: readonly IModelRow[],
  compare: (a: IModelRow, b: IModelRow) => number
): readonly IModelRow[] {
  return [...rows].sort(compare);
}

const COLLATOR = new Intl.Collator();

function byText(a: string, b: string): number {
  return COLLATOR.compare(a, b);
}
