import { useEffect, useState, type ReactElement } from 'react';

import type { FreedResult } from '../wire';
import { useServices } from './context';
import { Freed } from './Freed';
import { Refused } from './Refused';

/** What no version uses, byte for byte, before it goes. */
export function Garbage(props: {
  answer(value: true | null): void;
}): ReactElement {
  const { trans, model } = useServices();
  const { answer } = props;
  const [result, setResult] = useState<FreedResult | null>(null);
  const [error, setError] = useState<unknown>(null);
  useEffect(() => {
    let gone = false;
    model.versions.lookGarbage().then(
      found => {
        if (!gone) {
          setResult(found);
          // uv tells nobody before what it would free: it may be asked all the same.
          answer(true);
        }
      },
      (why: unknown) => gone || setError(why)
    );
    return () => {
      gone = true;
    };
  }, [model, answer]);
  return (
    <div className="jp-ComfyCockpit-plan">
      {error !== null ? (
        <Refused error={error} />
      ) : result ? (
        <>
          <Freed
            result={result}
            nothing={trans.__('No build, model file or commit is left over.')}
          />
          <p className="jp-ComfyCockpit-muted">
            {trans.__(
              'Packages that uv keeps and nothing uses go too; how much that is, it says afterwards.'
            )}
          </p>
        </>
      ) : (
        <p role="status">{trans.__('Looking…')}</p>
      )}
    </div>
  );
}
