import Button from '@mui/material/Button';
import { useMemo, type ReactElement } from 'react';

import type { IVersionRow } from '../versions';
import { useServices } from './context';
import { Heading } from './Heading';
import { VersionRow } from './VersionRow';
import { VirtualList } from './VirtualList';

interface IVersionsProps {
  rows: readonly IVersionRow[];
  folded: boolean;
}

/** Versions, in the order of their ids. */
export function Versions({ rows, folded }: IVersionsProps): ReactElement {
  const { trans, format, actions } = useServices();
  const text = rows.map(entry => entry.version.version_id).join('\n');
  const ids = useMemo(() => (text === '' ? [] : text.split('\n')), [text]);
  return (
    <section
      aria-label={trans.__('Versions')}
      className={`jp-ComfyCockpit-versions${folded ? ' jp-mod-folded' : ''}`}
    >
      <Heading
        list="versions"
        title={trans.__('Versions')}
        folded={folded}
        count={format.count(rows.length)}
      />
      <div className="jp-ComfyCockpit-content">
        {rows.length === 0 && (
          <p className="jp-ComfyCockpit-empty">
            {trans.__(
              'One file describes a ComfyUI, and every machine gets the same one from it.'
            )}
          </p>
        )}
        {rows.length > 0 && (
          <VirtualList
            ids={ids}
            label={trans.__('Versions')}
            row={place => {
              const entry = rows[place.index];
              return entry ? (
                <VersionRow
                  key={place.id}
                  version={entry.version}
                  row={entry.row}
                  position={place.index + 1}
                  count={place.count}
                  current={place.current}
                />
              ) : (
                <li key={place.id} />
              );
            }}
          />
        )}
        <div className="jp-ComfyCockpit-below">
          <Button onClick={() => void actions.versions.create()}>
            {trans.__('New version…')}
          </Button>
        </div>
      </div>
    </section>
  );
}
