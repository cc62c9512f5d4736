import type { KeyboardEvent, ReactElement } from 'react';

import type { IOverview, IState, Section } from '../state';
import { useServices } from './context';

/** The sections, across the top when wide. */
export function Tabs(props: {
  state: IState;
  view: IOverview;
}): ReactElement | null {
  const { trans, format, model } = useServices();
  const { state, view } = props;
  if (!state.versions) {
    return null;
  }
  const tabs: readonly [Section, string, number][] = [
    ['models', trans.__('Models'), view.rows.length],
    ['versions', trans.__('Versions'), view.versions.length]
  ];
  const onKeyDown = (event: KeyboardEvent<HTMLElement>) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step === undefined) {
      return;
    }
    event.preventDefault();
    const at = tabs.findIndex(([name]) => name === state.section);
    const next = (at + step + tabs.length) % tabs.length;
    model.open(tabs[next]?.[0] ?? 'models');
    const button = event.currentTarget.children[next];
    if (button instanceof HTMLElement) {
      button.focus();
    }
  };
  return (
    <div
      className="jp-ComfyCockpit-tabs"
      role="tablist"
      aria-label={trans.__('Sections')}
      onKeyDown={onKeyDown}
    >
      {tabs.map(([name, title, count]) => (
        <button
          key={name}
          type="button"
          role="tab"
          aria-selected={name === state.section}
          tabIndex={name === state.section ? 0 : -1}
          onClick={() => model.open(name)}
        >
          {title}
          <span>{format.count(count)}</span>
        </button>
      ))}
    </div>
  );
}
