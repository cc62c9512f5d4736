import IconButton from '@mui/material/IconButton';
import LinearProgress from '@mui/material/LinearProgress';
import type { ReactElement, ReactNode } from 'react';

import type { Anchor } from '../desk';
import { share } from '../format';
import { useServices } from './context';
import { Shape, type ShapeName } from './shapes';
import { pressAction } from './VirtualList';

/** Where a row stands in its list. */
export interface IPlace {
  /** From 1. */
  position: number;
  count: number;
  /** The one row that Tab reaches, with its buttons. */
  current: boolean;
}

interface IListRowProps {
  id: string;
  kind: string;
  place: IPlace;
  /** What the row is called, and what its name says when pointed at. */
  name: string;
  title: string;
  action: ReactNode;
  onMenu(at: Anchor): void;
  menuLabel: string;
  facts: ReactNode;
  state: { word: string; shape: ShapeName; title?: string | undefined };
  /** What goes on, or what went wrong. */
  children: ReactNode;
}

/** A row of models or versions: name, facts, one state, one action; under it what is going on or what went wrong. */
export function ListRow(props: IListRowProps): ReactElement {
  const { trans } = useServices();
  const { id, kind, place, state, onMenu } = props;
  const tab = place.current ? 0 : -1;
  return (
    <li
      className={`jp-ComfyCockpit-row jp-mod-${kind}`}
      data-model={id}
      aria-posinset={place.position}
      aria-setsize={place.count}
      tabIndex={tab}
      onKeyDown={pressAction}
      onContextMenu={event => {
        event.preventDefault();
        event.stopPropagation();
        const { clientX: x, clientY: y } = event;
        onMenu({ x, y });
      }}
    >
      <div className="jp-ComfyCockpit-line">
        <div className="jp-ComfyCockpit-name" title={props.title}>
          {props.name}
        </div>
        <div className="jp-ComfyCockpit-action">
          {props.action}
          <IconButton
            aria-label={props.menuLabel}
            title={trans.__('More actions')}
            aria-haspopup="menu"
            tabIndex={tab}
            onClick={event => onMenu(event.currentTarget)}
          >
            <Shape name="menu" />
          </IconButton>
        </div>
      </div>
      <div className="jp-ComfyCockpit-line">
        <div className="jp-ComfyCockpit-facts">{props.facts}</div>
        <div className="jp-ComfyCockpit-state" title={state.title}>
          <Shape name={state.shape} />
          <span>{state.word}</span>
        </div>
      </div>
      {props.children}
    </li>
  );
}

/** A thin bar, and figures under it. */
export function Progress(props: {
  name: string;
  done: number | null;
  total: number | null;
  children: ReactNode;
}): ReactElement {
  const { trans } = useServices();
  const { done, total } = props;
  const known = done !== null && total !== null && total > 0;
  return (
    <div className="jp-ComfyCockpit-progress">
      <LinearProgress
        aria-label={trans.__('Progress of %1', props.name)}
        {...(known
          ? { variant: 'determinate', value: share(done, total) * 100 }
          : { variant: 'indeterminate' })}
      />
      <div className="jp-ComfyCockpit-figures">{props.children}</div>
    </div>
  );
}
