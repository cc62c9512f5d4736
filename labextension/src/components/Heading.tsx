import type { ReactElement } from 'react';

import type { Fold } from '../state';
import { useServices } from './context';
import { Shape } from './shapes';

interface IHeadingProps {
  list: Fold;
  title: string;
  folded: boolean;
  /** How many; where some are chosen, how many of them. */
  count: string;
  /** Announces the count when it changes. */
  narrowed?: boolean;
}

/** The title of a list. Narrow, it folds the list away. */
export function Heading(props: IHeadingProps): ReactElement {
  const { model } = useServices();
  const { list, title, folded, count, narrowed = false } = props;
  return (
    <h3 className="jp-ComfyCockpit-heading">
      <button
        type="button"
        className="jp-ComfyCockpit-fold"
        aria-expanded={!folded}
        onClick={() => model.fold(list)}
      >
        <Shape name="right" />
        {title}
      </button>
      <span className="jp-ComfyCockpit-title" aria-hidden="true">
        {title}
      </span>
      <span
        className={narrowed ? undefined : 'jp-ComfyCockpit-count'}
        role={narrowed ? 'status' : undefined}
      >
        {count}
      </span>
    </h3>
  );
}
