import Button from '@mui/material/Button';
import { memo, type ReactElement } from 'react';

import { explainAll } from '../problem';
import type { VersionRow as Row } from '../versions';
import type { Job, VersionStatus } from '../wire';
import { useServices } from './context';
import { ListRow, Progress, type IPlace } from './ListRow';
import { Reason } from './Reason';
import { currentOf, stepOf, versionFacts, versionState } from './versionWords';
import { facts, speed } from './words';

interface IVersionRowProps extends IPlace {
  version: VersionStatus;
  row: Row;
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
  const reason = 'problems' in row ? explainAll(row.problems, trans) : null;
  return (
    <ListRow
      id={id}
      kind={row.kind}
      place={{ position, count, current }}
      name={id}
      title={id}
      action={<Action version={version} row={row} tab={tab} />}
      menuLabel={trans.__('More actions for %1', id)}
      onMenu={at => actions.versions.openMenu({ version, row }, at)}
      facts={
        <span title={facts(version.lock_digest, version.target)}>
          {versionFacts(version)}
        </span>
      }
      state={versionState(row, trans, format)}
    >
      {row.kind === 'working' && <Working job={row.job} name={id} />}
      {reason && <Reason {...reason} tab={tab} />}
    </ListRow>
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

/** Which step of how many, what of it, and how fast. */
function Working({ job, name }: { job: Job; name: string }): ReactElement {
  const { trans, format } = useServices();
  const { done_steps: done, total_steps: total } = job.progress;
  const line = facts(stepOf(job, trans, format), currentOf(job, trans, format));
  return (
    <Progress name={name} done={done} total={total}>
      <span className="jp-ComfyCockpit-name" title={line}>
        {line}
      </span>
      <span>{speed(job, trans, format)}</span>
    </Progress>
  );
}
