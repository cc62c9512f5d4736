import IconButton from '@mui/material/IconButton';
import type { ReactElement } from 'react';

import type { IOverview, IState } from '../state';
import { useServices } from './context';
import { Shape } from './shapes';
import { headline } from './words';

/** One line: what is going on now; and one menu. */
export function Head({
  state,
  view
}: {
  state: IState;
  view: IOverview;
}): ReactElement {
  const { trans, format, actions } = useServices();
  const { said, more, quarter } = headline(state, view, trans, format);
  return (
    <div className="jp-ComfyCockpit-head">
      <span className="jp-ComfyCockpit-headline">
        <span role="status">{said}</span>
        {more && (
          <span className="jp-ComfyCockpit-muted jp-ComfyCockpit-figures">
            {more}
          </span>
        )}
        <span className="jp-ComfyCockpit-hidden" aria-live="polite">
          {quarter}
        </span>
      </span>
      <IconButton
        aria-label={trans.__('More actions')}
        title={trans.__('More actions')}
        aria-haspopup="menu"
        onClick={event => actions.desk.openMenu(event.currentTarget)}
      >
        <Shape name="menu" />
      </IconButton>
    </div>
  );
}
