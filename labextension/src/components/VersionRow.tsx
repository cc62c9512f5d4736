import Button from '@mui/material/Button';
import IconButton from '@mui/material/IconButton';
import LinearProgress from '@mui/material/LinearProgress';
import { memo, type ReactElement } from 'react';

import { share } from '../format';
import { explainAll } from '../problem';
import type { VersionRow as Row } from '../versions';
import type { Job, VersionStatus } from '../wire';
import { useServices } from './context';
import { Reason } from './Reason';
import { Shape } from './shapes';
import { pressAction } from './VirtualList';
import { currentOf, stepOf, versionFacts, versionState } from './versionWords';
import { facts, speed } from './words';

interface IVersionRowProps {
  version: VersionStatus;
  row: Row;
  /** From 1. */
  position: number;
  count: number;
  /** The one row that Tab reaches, with its buttons. */
  current: boolean;
}

/** Name, facts, one state, one action; under it what is going on or what is wrong. */
export const VersionRow = memo(function VersionRow({
  version,
  row,
  position,
  count,
  current
}: IVersionRowProps): ReactElement {
  const { trans, format, actions } = useServices();
  const tab = current ? 0 : -1;
  const id = version.version_id;
  const { word, shape } = versionState(row, trans, format);
  const line = versionFacts(version);
  const reason = 'problems' in row ? explainAll(row.problems, trans) : null;
  return (
    <li
      className={`jp-ComfyCockpit-row jp-mod-${row.kind}`}
      data-model={id}
      aria-posinset={position}
      aria-setsize={count}
      tabIndex={tab}
      onKeyDown={pressAction}
      onContextMenu={event => {
        event.preventDefault();
        event.stopPropagation();
        const { clientX: x, clientY: y } = event;
        actions.versions.openMenu({ version, row }, { x, y });
      }}
    >
      <div className="jp-ComfyCockpit-line">
        <div className="jp-ComfyCockpit-name" title={id}>
          {id}
        </div>
        <div className="jp-ComfyCockpit-action">
          <Action version={version} row={row} tab={tab} />
          <IconButton
            aria-label={trans.__('More actions for %1', id)}
            title={trans.__('More actions')}
            aria-haspopup="menu"
            tabIndex={tab}
            onClick={event =>
              actions.versions.openMenu({ version, row }, event.currentTarget)
            }
          >
            <Shape name="menu" />
          </IconButton>
        </div>
      </div>
      <div className="jp-ComfyCockpit-line">
        <div className="jp-ComfyCockpit-facts">
          <span title={facts(version.lock_digest, version.target)}>{line}</span>
        </div>
        <div className="jp-ComfyCockpit-state">
          <Shape name={shape} />
          <span>{word}</span>
        </div>
      </div>
      {row.kind === 'working' && <Working job={row.job} name={id} />}
      {reason && <Reason {...reason} tab={tab} />}
    </li>
  );
});

function Action({
  version,
  row,
  tab
}: {
  version: VersionStatus;
  row: Row;
  tab: number;
}): ReactElement | null {
  const { trans, model, actions } = useServices();
  const id = version.version_id;
  const button = (word: string, label: string, run: () => unknown) => (
    <Button tabIndex={tab} aria-label={label} onClick={() => void run()}>
      {word}
    </Button>
  );
  switch (row.kind) {
    case 'declared':
    case 'resolved':
      return button(trans.__('Realize'), trans.__('Realize %1', id), () =>
        actions.versions.realize(id)
      );
    case 'stale':
    case 'broken':
      return button(
        trans.__('Realize again'),
        trans.__('Realize %1 again', id),
        () => actions.versions.realize(id)
      );
    case 'failed':
      return button(trans.__('Retry'), trans.__('Retry %1', id), () =>
        actions.versions.retry(id, row.job)
      );
    case 'queued':
    case 'working': {
      const { job } = row;
      return job
        ? button(trans.__('Cancel'), trans.__('Cancel %1', id), () =>
            model.cancel(job.id)
          )
        : null;
    }
    case 'invalid': {
      const wrong = row.problems.find(problem => actions.canFix(problem));
      return wrong
        ? button(trans.__('Fix…'), trans.__('Fix %1', id), () =>
            actions.fix(wrong)
          )
        : null;
    }
    case 'realized':
    case 'cancelling':
      return null;
  }
}

/** A thin bar, which step of how many, and how fast. */
function Working({ job, name }: { job: Job; name: string }): ReactElement {
  const { trans, format } = useServices();
  const { done_steps: done, total_steps: total } = job.progress;
  const known = done !== null && total !== null && total > 0;
  const line = facts(stepOf(job, trans, format), currentOf(job, trans, format));
  return (
    <div className="jp-ComfyCockpit-progress">
      <LinearProgress
        aria-label={trans.__('Progress of %1', name)}
        {...(known
          ? { variant: 'determinate', value: share(done, total) * 100 }
          : { variant: 'indeterminate' })}
      />
      <div className="jp-ComfyCockpit-figures">
        <span className="jp-ComfyCockpit-name" title={line}>
          {line}
        </span>
        <span>{speed(job, trans, format)}</span>
      </div>
    </div>
  );
}
