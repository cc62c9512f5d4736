import Button from '@mui/material/Button';
import IconButton from '@mui/material/IconButton';
import LinearProgress from '@mui/material/LinearProgress';
import { memo, useId, useState, type ReactElement } from 'react';

import { share } from '../format';
import { explain } from '../problem';
import type { Row } from '../state';
import type { Job, ModelStatus, Problem } from '../wire';
import { useServices } from './context';
import { ProblemLink } from './Notices';
import { Shape } from './shapes';
import { facts, rowState, speed, trust } from './words';

interface IModelRowProps {
  model: ModelStatus;
  row: Row;
  installable: boolean;
}

/** Name, facts, one state, one action; under it what is going on or what went wrong. */
export const ModelRow = memo(function ModelRow({
  model,
  row,
  installable
}: IModelRowProps): ReactElement {
  const { trans, format } = useServices();
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
    >
      <div className="jp-ComfyCockpit-line">
        <div className="jp-ComfyCockpit-name" title={model.path}>
          {facts(model.display_name, model.version)}
        </div>
        <div className="jp-ComfyCockpit-action">
          <Action model={model} row={row} installable={installable} />
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
      {problem && <Reason problem={problem} />}
    </li>
  );
});

function Action({
  model,
  row,
  installable
}: IModelRowProps): ReactElement | null {
  const { trans, format, model: cockpit, confirm } = useServices();
  const install = () => void cockpit.install({ models: [model.id] });
  if (!installable && !isActiveRow(row)) {
    return null;
  }
  switch (row.kind) {
    case 'missing':
      return (
        <Button
          aria-label={trans.__('Install %1', model.display_name)}
          onClick={install}
        >
          {trans.__('Install')}
        </Button>
      );
    case 'failed':
      return (
        <Button
          aria-label={trans.__('Retry %1', model.display_name)}
          onClick={install}
        >
          {trans.__('Retry')}
        </Button>
      );
    case 'queued':
    case 'working': {
      const { job } = row;
      if (!job || job.kind !== 'models.fetch') {
        return null;
      }
      return (
        <Button
          aria-label={trans.__('Cancel %1', model.display_name)}
          onClick={() => void cockpit.cancel(job.id)}
        >
          {trans.__('Cancel')}
        </Button>
      );
    }
    case 'invalid': {
      const replace = async () => {
        const size =
          model.size_bytes === null ? '' : format.bytes(model.size_bytes);
        const body = trans.__(
          'The file %1 is replaced by the declared one. %2',
          model.path,
          size && trans.__('%1 are fetched.', size)
        );
        if (
          await confirm(
            trans.__('Replace the file?'),
            body,
            trans.__('Replace')
          )
        ) {
          await cockpit.install({ models: [model.id], overwrite: true });
        }
      };
      return (
        <Button
          aria-label={trans.__('Replace %1', model.display_name)}
          onClick={() => void replace()}
        >
          {trans.__('Replace…')}
        </Button>
      );
    }
    case 'installed':
    case 'cancelling':
      return null;
  }
}

function isActiveRow(row: Row): boolean {
  return row.kind === 'queued' || row.kind === 'working';
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

/** The first sentence of what went wrong; all of it, and what to do, on expanding. */
function Reason({ problem }: { problem: Problem }): ReactElement {
  const { trans } = useServices();
  const [open, setOpen] = useState(false);
  const id = useId();
  const { summary, detail, hint } = explain(problem);
  const more = detail !== summary || hint !== null || problem.link !== null;
  return (
    <div className="jp-ComfyCockpit-reason">
      {more && (
        <IconButton
          aria-expanded={open}
          aria-controls={id}
          aria-label={trans.__('Details')}
          title={trans.__('Details')}
          onClick={() => setOpen(!open)}
        >
          <Shape name="right" />
        </IconButton>
      )}
      <div id={id}>
        <div>{open ? detail : summary}</div>
        {open && hint && <div className="jp-ComfyCockpit-hint">{hint}</div>}
        {open && <ProblemLink problem={problem} />}
      </div>
    </div>
  );
}
