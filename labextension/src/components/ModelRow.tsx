import Button from '@mui/material/Button';
import IconButton from '@mui/material/IconButton';
import LinearProgress from '@mui/material/LinearProgress';
import { memo, type ReactElement } from 'react';

import { share } from '../format';
import { explain } from '../problem';
import type { Row } from '../state';
import type { Job, ModelStatus } from '../wire';
import { useServices } from './context';
import { Reason } from './Reason';
import { Shape } from './shapes';
import { pressAction } from './VirtualList';
import { facts, rowState, speed, trust } from './words';

interface IModelRowProps {
  model: ModelStatus;
  row: Row;
  installable: boolean;
  /** From 1. */
  position: number;
  count: number;
  /** The one row that Tab reaches, with its buttons. */
  current: boolean;
}

/** Name, facts, one state, one action; under it what is going on or what went wrong. */
export const ModelRow = memo(function ModelRow({
  model,
  row,
  installable,
  position,
  count,
  current
}: IModelRowProps): ReactElement {
  const { trans, format, actions } = useServices();
  const tab = current ? 0 : -1;
  const { word, shape } = rowState(row, trans, format);
  const line = facts(
    model.type,
    model.size_bytes !== null && format.bytes(model.size_bytes),
    model.host
  );
  const problem =
    row.kind === 'failed' || row.kind === 'invalid' ? row.problem : null;
  return (
    <li
      className={`jp-ComfyCockpit-row jp-mod-${row.kind}`}
      data-model={model.id}
      aria-posinset={position}
      aria-setsize={count}
      tabIndex={tab}
      onKeyDown={pressAction}
      onContextMenu={event => {
        event.preventDefault();
        event.stopPropagation();
        const { clientX: x, clientY: y } = event;
        actions.openRowMenu({ model, row }, { x, y });
      }}
    >
      <div className="jp-ComfyCockpit-line">
        <div className="jp-ComfyCockpit-name" title={model.path}>
          {facts(model.display_name, model.version)}
        </div>
        <div className="jp-ComfyCockpit-action">
          <Action model={model} row={row} installable={installable} tab={tab} />
          <IconButton
            aria-label={trans.__('More actions for %1', model.display_name)}
            title={trans.__('More actions')}
            aria-haspopup="menu"
            tabIndex={tab}
            onClick={event =>
              actions.openRowMenu({ model, row }, event.currentTarget)
            }
          >
            <Shape name="menu" />
          </IconButton>
        </div>
      </div>
      <div className="jp-ComfyCockpit-line">
        <div className="jp-ComfyCockpit-facts">
          <span title={line}>{line}</span>
          {model.executes_code && (
            <span
              className="jp-ComfyCockpit-code"
              title={trans.__(
                'A file of this format can run code when it is loaded.'
              )}
            >
              <Shape name="warning" />
              {trans.__('runs code')}
            </span>
          )}
        </div>
        <div
          className="jp-ComfyCockpit-state"
          title={row.kind === 'installed' ? trust(model, trans) : undefined}
        >
          <Shape name={shape} />
          <span>{word}</span>
        </div>
      </div>
      {row.kind === 'working' && (
        <Working job={row.job} name={model.display_name} />
      )}
      {problem && (
        <Reason {...explain(problem, trans)} problem={problem} tab={tab} />
      )}
    </li>
  );
});

function Action({
  model,
  row,
  installable,
  tab
}: {
  model: ModelStatus;
  row: Row;
  installable: boolean;
  tab: number;
}): ReactElement | null {
  const { trans, model: cockpit, actions } = useServices();
  const name = model.display_name;
  const button = (word: string, label: string, run: () => unknown) => (
    <Button tabIndex={tab} aria-label={label} onClick={() => void run()}>
      {word}
    </Button>
  );
  const selection = { models: [model.id] };
  if (row.kind === 'queued' || row.kind === 'working') {
    const { job } = row;
    return job?.kind === 'models.fetch'
      ? button(trans.__('Cancel'), trans.__('Cancel %1', name), () =>
          cockpit.cancel(job.id)
        )
      : null;
  }
  if (row.kind === 'invalid' && row.problem && actions.canFix(row.problem)) {
    const { problem } = row;
    return button(trans.__('Fix…'), trans.__('Fix %1', name), () =>
      actions.fix(problem)
    );
  }
  if (!installable) {
    return null;
  }
  switch (row.kind) {
    case 'missing':
      return button(trans.__('Install'), trans.__('Install %1', name), () =>
        actions.install(selection)
      );
    case 'failed':
      return button(trans.__('Retry'), trans.__('Retry %1', name), () =>
        cockpit.install(selection)
      );
    case 'invalid':
      return button(trans.__('Replace…'), trans.__('Replace %1', name), () =>
        actions.replace(model)
      );
    case 'installed':
    case 'cancelling':
      return null;
  }
}

/** A thin bar, and how far, how fast, how long. */
function Working({ job, name }: { job: Job; name: string }): ReactElement {
  const { trans, format } = useServices();
  const { done_bytes: done, total_bytes: total } = job.progress;
  const known = done !== null && total !== null && total > 0;
  return (
    <div className="jp-ComfyCockpit-progress">
      <LinearProgress
        aria-label={trans.__('Progress of %1', name)}
        {...(known
          ? { variant: 'determinate', value: share(done, total) * 100 }
          : { variant: 'indeterminate' })}
      />
      <div className="jp-ComfyCockpit-figures">
        <span>
          {known ? format.percent(done, total) : done ? format.bytes(done) : ''}
        </span>
        <span>{speed(job, trans, format)}</span>
      </div>
    </div>
  );
}
