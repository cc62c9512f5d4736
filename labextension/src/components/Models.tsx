import type { ReactElement } from 'react';

import type { IModelRow } from '../state';
import { useServices } from './context';
import { ModelRow } from './ModelRow';

/** Models in the order of models.json. */
export function Models({
  rows,
  installable
}: {
  rows: readonly IModelRow[];
  installable: boolean;
}): ReactElement | null {
  const { trans, format } = useServices();
  if (rows.length === 0) {
    return null;
  }
  return (
    <section aria-label={trans.__('Models')}>
      <h3 className="jp-ComfyCockpit-heading">
        {trans.__('Models')}
        <span>{format.count(rows.length)}</span>
      </h3>
      <ul className="jp-ComfyCockpit-list">
        {rows.map(entry => (
          <ModelRow
            key={entry.model.id}
            model={entry.model}
            row={entry.row}
            installable={installable}
          />
        ))}
      </ul>
    </section>
  );
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
