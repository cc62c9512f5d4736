import type { ReactElement } from 'react';

import type { FreedResult } from '../wire';
import { useServices } from './context';
import { keptReason } from './versionWords';

/** What goes, with its bytes, and what is left. */
export function Freed({
  result,
  nothing
}: {
  result: FreedResult;
  /** Said where nothing goes. */
  nothing: string;
}): ReactElement {
  const { trans, format } = useServices();
  const { removed, kept } = result;
  const bytes = removed.reduce((sum, each) => sum + each.freed_bytes, 0);
  return (
    <>
      <p role="status">
        {removed.length === 0
          ? nothing
          : trans.__('This goes, and frees %1:', format.bytes(bytes))}
      </p>
      {removed.length > 0 && (
        <ul
          className="jp-ComfyCockpit-list jp-ComfyCockpit-steps"
          tabIndex={0}
          aria-label={trans.__('Deleted')}
        >
          {removed.map(({ path, freed_bytes: freed }) => (
            <li key={path}>
              <Path path={path} />
              <span className="jp-ComfyCockpit-figures">
                {freed > 0 ? format.bytes(freed) : ''}
              </span>
            </li>
          ))}
        </ul>
      )}
      {kept.length > 0 && (
        <>
          <p className="jp-ComfyCockpit-muted">{trans.__('This stays:')}</p>
          <ul
            className="jp-ComfyCockpit-list jp-ComfyCockpit-steps"
            tabIndex={0}
            aria-label={trans.__('Kept')}
          >
            {kept.map(({ path, reason }) => (
              <li key={path}>
                <Path path={path} />
                <span className="jp-ComfyCockpit-figures">
                  {keptReason(reason, trans)}
                </span>
              </li>
            ))}
          </ul>
        </>
      )}
    </>
  );
}

/** A long path loses its middle: how it begins and ends is what tells it from others. */
function Path({ path }: { path: string }): ReactElement {
  const cut = path.lastIndexOf('/');
  return (
    <span className="jp-ComfyCockpit-path" title={path}>
      <span>{path.slice(0, cut)}</span>
      <span>{path.slice(cut)}</span>
    </span>
  );
}
