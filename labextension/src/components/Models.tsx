import { useDeferredValue, useMemo, useState, type ReactElement } from 'react';

import { EVERYTHING, isNarrowed, select } from '../select';
import type { IModelRow } from '../state';
import type { BundleStatus } from '../wire';
import { useServices } from './context';
import { Heading } from './Heading';
import { ModelRow } from './ModelRow';
import { Tools } from './Tools';
import { VirtualList } from './VirtualList';

/** So few are seen at a glance: no search, no filter. */
const FEW = 6;

interface IModelsProps {
  rows: readonly IModelRow[];
  bundles: readonly BundleStatus[];
  installable: boolean;
  folded: boolean;
}

/** Models: searched, filtered, sorted; else in the order of models.json. */
export function Models({
  rows,
  bundles,
  installable,
  folded
}: IModelsProps): ReactElement | null {
  const { trans, format } = useServices();
  const [query, setQuery] = useState(EVERYTHING);
  const asked = useDeferredValue(query);
  const chosen = useMemo(
    () => select(rows, bundles, asked),
    [rows, bundles, asked]
  );
  const ids = useIds(chosen);
  if (rows.length === 0) {
    return null;
  }
  const count = isNarrowed(asked)
    ? trans.__(
        '%1 of %2',
        format.count(chosen.length),
        format.count(rows.length)
      )
    : format.count(rows.length);
  return (
    <section
      aria-label={trans.__('Models')}
      className={folded ? 'jp-mod-folded' : undefined}
    >
      <Heading
        list="models"
        title={trans.__('Models')}
        folded={folded}
        count={count}
        narrowed={isNarrowed(asked)}
      />
      <div className="jp-ComfyCockpit-content">
        {rows.length > FEW && (
          <Tools
            rows={rows}
            bundles={bundles}
            query={query}
            onChange={setQuery}
          />
        )}
        <VirtualList
          ids={ids}
          label={trans.__('Models')}
          row={place => {
            const entry = chosen[place.index];
            return entry ? (
              <ModelRow
                key={place.id}
                model={entry.model}
                row={entry.row}
                installable={installable}
                position={place.index + 1}
                count={place.count}
                current={place.current}
              />
            ) : (
              <li key={place.id} />
            );
          }}
        />
      </div>
    </section>
  );
}

/** The ids of the rows: the same array as before as long as they are the same. */
function useIds(rows: readonly IModelRow[]): readonly string[] {
  const text = rows.map(entry => entry.model.id).join('\n');
  return useMemo(() => (text === '' ? [] : text.split('\n')), [text]);
}

/** Stands for the rows while they are loaded for the first time. */
export function SkeletonRows(): ReactElement {
  return (
    <ul
      className="jp-ComfyCockpit-list jp-ComfyCockpit-skeleton"
      aria-hidden="true"
    >
      {[0, 1, 2, 3].map(index => (
        <li key={index} className="jp-ComfyCockpit-row">
          <div className="jp-ComfyCockpit-line" />
          <div className="jp-ComfyCockpit-line" />
        </li>
      ))}
    </ul>
  );
}
