import Button from '@mui/material/Button';
import { memo, type ReactElement } from 'react';

import { explain } from '../problem';
import type { Row } from '../state';
import type { Job, ModelStatus } from '../wire';
import { useServices } from './context';
import { ListRow, Progress, type IPlace } from './ListRow';
import { Reason } from './Reason';
import { Shape } from './shapes';
import { facts, rowState, speed, trust } from './words';

interface IModelRowProps extends IPlace {
  model: ModelStatus;
  row: Row;
  installable: boolean;
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
    <ListRow
      id={model.id}
      kind={row.kind}
      place={{ position, count, current }}
      name={facts(model.display_name, model.version)}
      title={model.path}
      action={
        <Action model={model} row={row} installable={installable} tab={tab} />
      }
      menuLabel={trans.__('More actions for %1', model.display_name)}
      onMenu={at => actions.openRowMenu({ model, row }, at)}
      facts={
        <>
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
        </>
      }
      state={{
        word,
        shape,
        title: row.kind === 'installed' ? trust(model, trans) : undefined
      }}
    >
      {row.kind === 'working' && (
        <Working job={row.job} name={model.display_name} />
      )}
      {problem && (
        <Reason {...explain(problem, trans)} problem={problem} tab={tab} />
      )}
    </ListRow>
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

/** How far, how fast, how long. */
function Working({ job, name }: { job: Job; name: string }): ReactElement {
  const { trans, format } = useServices();
  const { done_bytes: done, total_bytes: total } = job.progress;
  const known = done !== null && total !== null && total > 0;
  return (
    <Progress name={name} done={done} total={total}>
      <span>
        {known ? format.percent(done, total) : done ? format.bytes(done) : ''}
      </span>
      <span>{speed(job, trans, format)}</span>
    </Progress>
  );
}
