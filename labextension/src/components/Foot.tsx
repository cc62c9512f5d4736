import IconButton from '@mui/material/IconButton';
import { useEffect, useState, type ReactElement } from 'react';

import { explain } from '../problem';
import { isActive, type IState } from '../state';
import { ofVersions, ofWorkflows } from '../versions';
import type { Job } from '../wire';
import { useServices } from './context';
import { Shape } from './shapes';
import { stepOf, versionPhase } from './versionWords';
import { jobName, steps } from './words';

/** The queue, one line a job; only while there is one. */
export function Foot(props: {
  state: IState;
  queue: readonly Job[];
}): ReactElement | null {
  const { trans } = useServices();
  if (props.queue.length === 0) {
    return null;
  }
  return (
    <section className="jp-ComfyCockpit-foot" aria-label={trans.__('Queue')}>
      <ul className="jp-ComfyCockpit-list">
        {props.queue.map(job => (
          <JobLine key={job.id} job={job} state={props.state} />
        ))}
      </ul>
    </section>
  );
}

function JobLine({ job, state }: { job: Job; state: IState }): ReactElement {
  const { trans, format, model } = useServices();
  const [open, setOpen] = useState(false);
  const active = isActive(job);
  useEffect(() => {
    if (!open) {
      return;
    }
    void model.openLog(job.id);
    return () => model.closeLog(job.id);
  }, [open, model, job.id]);
  const { place, total } = steps(job, state);
  const label = jobName(job, state, trans, format);
  const say = state.cancelling.has(job.id)
    ? trans.__('Cancelling')
    : job.state === 'queued'
      ? trans.__('Queued')
      : job.state === 'running'
        ? ofVersions(job) || ofWorkflows(job)
          ? (stepOf(job, trans, format) ?? versionPhase(job, trans).word)
          : trans.__('%1 of %2', format.count(place), format.count(total))
        : trans.__('Failed');
  // What failed says so at its row; here only what has no row.
  const atRows =
    !ofWorkflows(job) &&
    (isAtRow(job, state) ||
      [...state.jobs.values()].some(
        child => child.parent === job.id && child.state === 'failed'
      ));
  const reason =
    job.problem && !atRows ? explain(job.problem, trans).summary : null;
  return (
    <li className={`jp-ComfyCockpit-job jp-mod-${job.state}`}>
      <div className="jp-ComfyCockpit-jobLine">
        <IconButton
          aria-expanded={open}
          aria-label={trans.__('Log of %1', label)}
          title={trans.__('Log')}
          onClick={() => setOpen(!open)}
        >
          <Shape name="right" />
        </IconButton>
        <span className="jp-ComfyCockpit-name" title={label}>
          {label}
        </span>
        <span className="jp-ComfyCockpit-figures">{say}</span>
        <IconButton
          aria-label={
            active
              ? trans.__('Cancel %1', label)
              : trans.__('Dismiss %1', label)
          }
          title={active ? trans.__('Cancel') : trans.__('Dismiss')}
          disabled={state.cancelling.has(job.id)}
          onClick={() =>
            active ? void model.cancel(job.id) : model.dismiss(job.id)
          }
        >
          <Shape name="cross" />
        </IconButton>
      </div>
      {reason && <div className="jp-ComfyCockpit-muted">{reason}</div>}
      {open && (
        <pre tabIndex={0}>{(state.logs.get(job.id) ?? []).join('\n')}</pre>
      )}
    </li>
  );
}

/** Whether the row of a version says why its job failed. */
function isAtRow(job: Job, { versions }: IState): boolean {
  const ids = versions?.versions.map(version => version.version_id) ?? [];
  return ofVersions(job) && job.subjects.some(id => ids.includes(id));
}
