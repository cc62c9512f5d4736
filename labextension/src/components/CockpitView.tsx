import { useMemo, useSyncExternalStore, type ReactElement } from 'react';

import { overview, type IOverview, type IState, type Section } from '../state';
import { Bundles } from './Bundles';
import { useServices } from './context';
import { Foot } from './Foot';
import { Head } from './Head';
import { Models, SkeletonRows } from './Models';
import { FirstModels, Notices } from './Notices';
import { Tabs } from './Tabs';
import { Templates } from './Templates';
import { Versions } from './Versions';

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
      {state.page === 'sections' && <Tabs state={state} view={view} />}
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

/** What there is of each noun: below each other when narrow, the chosen one alone when wide. */
function Sections(props: { state: IState; view: IOverview }): ReactElement {
  const { state, view } = props;
  const { folded, section, versions } = state;
  const shown = (name: Section) =>
    `jp-ComfyCockpit-section${section === name ? ' jp-mod-chosen' : ''}`;
  return (
    <>
      <div className={shown('models')}>
        {state.status && <FirstModels status={state.status} />}
        <Bundles
          bundles={view.bundles}
          installable={view.installable}
          folded={folded.has('bundles')}
        />
        <Models
          rows={view.rows}
          bundles={state.status?.bundles ?? NONE}
          installable={view.installable}
          folded={folded.has('models')}
        />
      </div>
      {versions && (
        <div className={shown('versions')}>
          <Versions rows={view.versions} folded={folded.has('versions')} />
        </div>
      )}
    </>
  );
}
