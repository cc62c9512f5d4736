import Button from '@mui/material/Button';
import type { ReactElement } from 'react';

import type { IBundleRow } from '../state';
import { useServices } from './context';
import { facts } from './words';

/** Bundles, each with one button. */
export function Bundles({
  bundles
}: {
  bundles: readonly IBundleRow[];
}): ReactElement | null {
  const { trans, format } = useServices();
  if (bundles.length === 0) {
    return null;
  }
  return (
    <section aria-label={trans.__('Bundles')}>
      <h3 className="jp-ComfyCockpit-heading">
        {trans.__('Bundles')}
        <span>{format.count(bundles.length)}</span>
      </h3>
      <ul className="jp-ComfyCockpit-list">
        {bundles.map(bundle => (
          <BundleRow key={bundle.id} bundle={bundle} />
        ))}
      </ul>
    </section>
  );
}

function BundleRow({ bundle }: { bundle: IBundleRow }): ReactElement {
  const { trans, format, model } = useServices();
  const complete = bundle.installed === bundle.total;
  const line = facts(
    complete
      ? trans._n(
          '%1 model',
          '%1 models',
          bundle.total,
          format.count(bundle.total)
        )
      : trans.__(
          '%1 of %2 installed',
          format.count(bundle.installed),
          format.count(bundle.total)
        ),
    !complete &&
      bundle.missingBytes !== null &&
      format.bytes(bundle.missingBytes),
    !bundle.enabled && trans.__('disabled'),
    bundle.enabled && bundle.autoInstall && trans.__('at start')
  );
  return (
    <li className="jp-ComfyCockpit-row jp-ComfyCockpit-bundle">
      <div
        className="jp-ComfyCockpit-name"
        title={bundle.description ?? bundle.id}
      >
        {bundle.id}
      </div>
      <div className="jp-ComfyCockpit-facts" title={line}>
        {line}
      </div>
      <div className="jp-ComfyCockpit-action">
        {bundle.open.length > 0 && (
          <Button
            aria-label={trans.__('Install bundle %1', bundle.id)}
            onClick={() => void model.install({ bundles: [bundle.id] })}
          >
            {trans.__('Install')}
          </Button>
        )}
      </div>
    </li>
  );
}
