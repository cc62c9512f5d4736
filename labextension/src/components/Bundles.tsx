import Button from '@mui/material/Button';
import IconButton from '@mui/material/IconButton';
import type { ReactElement } from 'react';

import type { IBundleRow } from '../state';
import { useServices } from './context';
import { Heading } from './Heading';
import { Shape } from './shapes';
import { facts } from './words';

/** Bundles, each with one button. */
export function Bundles({
  bundles,
  installable,
  folded
}: {
  bundles: readonly IBundleRow[];
  installable: boolean;
  folded: boolean;
}): ReactElement | null {
  const { trans, format } = useServices();
  if (bundles.length === 0) {
    return null;
  }
  return (
    <section
      aria-label={trans.__('Bundles')}
      className={folded ? 'jp-mod-folded' : undefined}
    >
      <Heading
        list="bundles"
        title={trans.__('Bundles')}
        folded={folded}
        count={format.count(bundles.length)}
      />
      <ul className="jp-ComfyCockpit-list jp-ComfyCockpit-content">
        {bundles.map(bundle => (
          <BundleRow
            key={bundle.id}
            bundle={bundle}
            installable={installable}
          />
        ))}
      </ul>
    </section>
  );
}

interface IBundleRowProps {
  bundle: IBundleRow;
  installable: boolean;
}

function BundleRow({ bundle, installable }: IBundleRowProps): ReactElement {
  const { trans, format, actions } = useServices();
  const complete = bundle.installed === bundle.total;
  const line = facts(
    trans.__(
      '%1 of %2 installed',
      format.count(bundle.installed),
      format.count(bundle.total)
    ),
    !complete &&
      (bundle.missingBytes ?? 0) > 0 &&
      format.bytes(bundle.missingBytes ?? 0),
    !bundle.enabled && trans.__('disabled'),
    bundle.enabled && bundle.autoInstall && trans.__('at start')
  );
  return (
    <li
      className="jp-ComfyCockpit-row jp-ComfyCockpit-bundle"
      onContextMenu={event => {
        event.preventDefault();
        event.stopPropagation();
        const { clientX: x, clientY: y } = event;
        actions.openBundleMenu(bundle.id, { x, y });
      }}
    >
      <div className="jp-ComfyCockpit-line">
        <div
          className="jp-ComfyCockpit-name"
          title={bundle.description ?? bundle.id}
        >
          {bundle.id}
        </div>
        <div className="jp-ComfyCockpit-action">
          <BundleAction bundle={bundle} installable={installable} />
          <IconButton
            aria-label={trans.__('More actions for bundle %1', bundle.id)}
            title={trans.__('More actions')}
            aria-haspopup="menu"
            onClick={event =>
              actions.openBundleMenu(bundle.id, event.currentTarget)
            }
          >
            <Shape name="menu" />
          </IconButton>
        </div>
      </div>
      <div className="jp-ComfyCockpit-line">
        <div className="jp-ComfyCockpit-facts">
          <span title={line}>{line}</span>
        </div>
      </div>
    </li>
  );
}

function BundleAction({
  bundle,
  installable
}: IBundleRowProps): ReactElement | null {
  const { trans, model, actions } = useServices();
  if (installable && bundle.open.length > 0) {
    return (
      <Button
        aria-label={trans.__('Install bundle %1', bundle.id)}
        onClick={() => void actions.install({ bundles: [bundle.id] })}
      >
        {trans.__('Install')}
      </Button>
    );
  }
  if (bundle.fetches.length > 0) {
    return (
      <Button
        aria-label={trans.__('Cancel bundle %1', bundle.id)}
        onClick={() =>
          void Promise.all(bundle.fetches.map(job => model.cancel(job)))
        }
      >
        {trans.__('Cancel')}
      </Button>
    );
  }
  return null;
}
