import { useMemo, useSyncExternalStore, type ReactElement } from 'react';

import { overview, type IOverview, type IState } from '../state';
import { Bundles } from './Bundles';
import { useServices } from './context';
import { Foot } from './Foot';
import { Head } from './Head';
import { Models, SkeletonRows } from './Models';
import { Notices } from './Notices';
import { Templates } from './Templates';

const NONE: readonly never[] = [];

/** The whole app: the same in the side panel and in the main area; its width alone decides the layout. */
export function CockpitView(): ReactElement {
  const { model } = useServices();
  const state = useSyncExternalStore(model.subscribe, model.getState);
  const view = useMemo(() => overview(state), [state]);
  const waiting =
    state.connection.kind === 'loading' || state.connection.kind === 'starting';
  return (
    <div className="jp-ComfyCockpit-view" data-lm-suppress-shortcuts="true">
      <Head state={state} view={view} />
      <div className="jp-ComfyCockpit-body" key={state.page}>
        <Notices state={state} />
        {!state.status && waiting && <SkeletonRows />}
        {state.page === 'templates' ? (
          <Templates state={state} />
        ) : (
          <Sections state={state} view={view} />
        )}
      </div>
      <Foot state={state} queue={view.queue} />
    </div>
  );
}

/** What there is of each noun. */
function Sections(props: { state: IState; view: IOverview }): ReactElement {
  const { state, view } = props;
  return (
    <>
      <Bundles bundles={view.bundles} installable={view.installable} />
      <Models
        rows={view.rows}
        bundles={state.status?.bundles ?? NONE}
        installable={view.installable}
      />
    </>
  );
}
