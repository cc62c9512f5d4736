import { useEffect, useId, useState, type ReactElement } from 'react';

import type { VersionDiff } from '../wire';
import { useServices } from './context';
import { Refused } from './Refused';

/** More lines than anybody reads. */
const SHOWN = 500;

type Looked =
  | { kind: 'asking' }
  | { kind: 'found'; diff: VersionDiff }
  | { kind: 'refused'; error: unknown };

interface IVersionDiffProps {
  id: string;
  others: readonly string[];
}

/** Where a version differs from another one. */
export function VersionDiffView({
  id,
  others
}: IVersionDiffProps): ReactElement {
  const { trans, model } = useServices();
  const [other, setOther] = useState(others[0] ?? '');
  const [looked, setLooked] = useState<Looked>({ kind: 'asking' });
  const field = useId();
  useEffect(() => {
    let gone = false;
    model.versions.diff(id, other).then(
      diff => gone || setLooked({ kind: 'found', diff }),
      (error: unknown) => gone || setLooked({ kind: 'refused', error })
    );
    return () => {
      gone = true;
    };
  }, [id, other, model]);
  return (
    <div className="jp-ComfyCockpit-form jp-ComfyCockpit-diff">
      <label htmlFor={field}>{trans.__('With')}</label>
      <select
        id={field}
        className="jp-mod-styled"
        value={other}
        onChange={event => setOther(event.target.value)}
      >
        {others.map(each => (
          <option key={each} value={each}>
            {each}
          </option>
        ))}
      </select>
      {looked.kind === 'refused' && <Refused error={looked.error} />}
      {looked.kind === 'asking' && <p role="status">{trans.__('Looking…')}</p>}
      {looked.kind === 'found' && (
        <Differences a={id} b={other} diff={looked.diff} />
      )}
    </div>
  );
}

function Differences(props: {
  a: string;
  b: string;
  diff: VersionDiff;
}): ReactElement {
  const { trans, format } = useServices();
  const { a, b, diff } = props;
  const { differences } = diff;
  if (diff.equal) {
    return <p role="status">{trans.__('They are equal.')}</p>;
  }
  return (
    <>
      <p role="status" className="jp-ComfyCockpit-muted">
        {trans._n(
          '%2 difference',
          '%2 differences',
          differences.length,
          format.count(differences.length)
        )}
      </p>
      <div
        className="jp-ComfyCockpit-table"
        tabIndex={0}
        role="region"
        aria-label={trans.__('Differences')}
      >
        <table>
          <thead>
            <tr>
              <th scope="col">{a}</th>
              <th scope="col">{b}</th>
            </tr>
          </thead>
          {differences.slice(0, SHOWN).map(({ pointer, a: left, b: right }) => (
            <tbody key={pointer}>
              <tr>
                <th scope="rowgroup" colSpan={2}>
                  {pointer}
                </th>
              </tr>
              <tr>
                <td>{left ?? <Absent />}</td>
                <td>{right ?? <Absent />}</td>
              </tr>
            </tbody>
          ))}
        </table>
        {differences.length > SHOWN && (
          <p className="jp-ComfyCockpit-muted">
            {trans.__('and %1 more', format.count(differences.length - SHOWN))}
          </p>
        )}
      </div>
    </>
  );
}

function Absent(): ReactElement {
  const { trans } = useServices();
  return <span className="jp-ComfyCockpit-muted">{trans.__('absent')}</span>;
}
