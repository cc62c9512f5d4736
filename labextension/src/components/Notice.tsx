import IconButton from '@mui/material/IconButton';
import type { ReactElement, ReactNode } from 'react';

import { useServices } from './context';
import { Shape, type ShapeName } from './shapes';

export interface INoticeProps {
  tone: 'error' | 'warning' | 'plain';
  shape: ShapeName;
  title: string;
  children?: ReactNode;
  actions?: ReactNode;
  onDismiss?: () => void;
}

/** A message above the lists: what happened, what to do, and a button that does it. */
export function Notice(props: INoticeProps): ReactElement {
  const { trans } = useServices();
  return (
    <section
      className={`jp-ComfyCockpit-notice jp-mod-${props.tone}`}
      role={props.tone === 'error' ? 'alert' : undefined}
    >
      <Shape name={props.shape} />
      <div className="jp-ComfyCockpit-noticeText">
        <strong>{props.title}</strong>
        {props.children}
        {props.actions && (
          <div className="jp-ComfyCockpit-actions">{props.actions}</div>
        )}
      </div>
      {props.onDismiss && (
        <IconButton
          aria-label={trans.__('Dismiss')}
          title={trans.__('Dismiss')}
          onClick={props.onDismiss}
        >
          <Shape name="cross" />
        </IconButton>
      )}
    </section>
  );
}
