import Button from '@mui/material/Button';
import { useState, type ReactElement } from 'react';

import { explain, place } from '../problem';
import type { IState } from '../state';
import { VERSION } from '../version';
import type { ModelsStatus, Problem } from '../wire';
import { useServices } from './context';
import { Notice } from './Notice';
import { connectionWord } from './words';

const LIST_COMMAND = 'jupyter server extension list';

/** Everything that stands above the lists, most urgent first. */
export function Notices({ state }: { state: IState }): ReactElement {
  const { model } = useServices();
  return (
    <>
      <ConnectionNotice state={state} />
      {state.otherVersion !== null && (
        <VersionNotice version={state.otherVersion} />
      )}
      {state.refusal && (
        <ProblemNotice
          problem={state.refusal}
          onDismiss={() => model.dismissRefusal()}
        />
      )}
      {state.authentication === false && <OpenServerNotice />}
      {state.status && (
        <DeclarationNotice declaration={state.status.declaration} />
      )}
    </>
  );
}

function ConnectionNotice({ state }: { state: IState }): ReactElement | null {
  const { trans, model, actions } = useServices();
  const { connection } = state;
  switch (connection.kind) {
    case 'loading':
    case 'ready':
      return null;
    case 'starting':
      // Nothing to say of a first start; of one after a crash, why it is being tried again.
      return connection.cause === null ? null : (
        <Notice tone="warning" shape="warning" title={connection.cause}>
          <p>{trans.__('It is being started again.')}</p>
          <LastLines lines={connection.log} />
        </Notice>
      );
    case 'failed':
      return (
        <Notice
          tone="error"
          shape="warning"
          title={connection.cause ?? connectionWord(connection, trans)}
          actions={
            <Button onClick={() => void model.restartDaemon()}>
              {trans.__('Restart')}
            </Button>
          }
        >
          <LastLines lines={connection.log} />
        </Notice>
      );
    case 'absent':
      return (
        <Notice
          tone="error"
          shape="warning"
          title={trans.__('The Jupyter server does not know ComfyUI Cockpit.')}
          actions={
            <Button onClick={() => model.reconnect()}>
              {trans.__('Look again')}
            </Button>
          }
        >
          <ul>
            <li>
              {trans.__(
                'Just installed? Restart the Jupyter server, not only this page.'
              )}
            </li>
            <li>
              {trans.__(
                'Is the package in the environment that runs the server?'
              )}
            </li>
            <li>
              {trans.__('Is it enabled?')} <code>{LIST_COMMAND}</code>
            </li>
          </ul>
        </Notice>
      );
    case 'signed-out':
      return (
        <Notice
          tone="warning"
          shape="warning"
          title={trans.__('The server does not accept this page any more.')}
          actions={
            <Button onClick={() => actions.desk.reloadPage()}>
              {trans.__('Reload and sign in')}
            </Button>
          }
        />
      );
    case 'unreachable':
      return (
        <Notice
          tone="warning"
          shape="warning"
          title={trans.__('The Jupyter server does not answer. Trying again…')}
          actions={
            <Button onClick={() => model.reconnect()}>
              {trans.__('Try now')}
            </Button>
          }
        />
      );
  }
}

function LastLines({
  lines
}: {
  lines: readonly string[];
}): ReactElement | null {
  const { trans } = useServices();
  if (lines.length === 0) {
    return null;
  }
  return (
    <details open>
      <summary>{trans.__('Its last lines')}</summary>
      <pre tabIndex={0}>{lines.join('\n')}</pre>
    </details>
  );
}

function VersionNotice({ version }: { version: string }): ReactElement {
  const { trans, actions } = useServices();
  return (
    <Notice
      tone="warning"
      shape="warning"
      title={trans.__(
        'The server has version %1, this page %2.',
        version,
        VERSION
      )}
      actions={
        <Button onClick={() => actions.desk.reloadPage()}>
          {trans.__('Reload')}
        </Button>
      }
    >
      <p>
        {trans.__(
          'Reload the page. If that does not help, restart the Jupyter server.'
        )}
      </p>
    </Notice>
  );
}

function ProblemNotice(props: {
  problem: Problem;
  onDismiss: () => void;
}): ReactElement {
  const { trans } = useServices();
  const { summary, detail, hint } = explain(props.problem, trans);
  const told = detail?.startsWith(summary) ?? false;
  return (
    <Notice
      tone="error"
      shape="warning"
      title={told && detail ? detail : summary}
      onDismiss={props.onDismiss}
    >
      {detail && !told && <p>{detail}</p>}
      {hint && <p className="jp-ComfyCockpit-hint">{hint}</p>}
      <ProblemLink problem={props.problem} />
    </Notice>
  );
}

export function ProblemLink({
  problem
}: {
  problem: Problem;
}): ReactElement | null {
  const { trans } = useServices();
  if (!problem.link || !/^https?:\/\//.test(problem.link)) {
    return null;
  }
  return (
    <a href={problem.link} target="_blank" rel="noreferrer noopener">
      {problem.code === 'licence_not_accepted'
        ? trans.__('Open the licence page')
        : trans.__('Open the page')}
    </a>
  );
}

function OpenServerNotice(): ReactElement | null {
  const { trans } = useServices();
  const [read, setRead] = useState(false);
  if (read) {
    return null;
  }
  return (
    <Notice
      tone="warning"
      shape="warning"
      title={trans.__('This server asks for no token and no password.')}
      onDismiss={() => setRead(true)}
    >
      <p>
        {trans.__(
          'Whoever reaches its address can download and delete models.'
        )}
      </p>
    </Notice>
  );
}

function DeclarationNotice({
  declaration
}: Pick<ModelsStatus, 'declaration'>): ReactElement | null {
  const { trans, actions } = useServices();
  const { openFile } = actions.desk;
  if (declaration.state !== 'invalid') {
    return null;
  }
  return (
    <Notice
      tone="error"
      shape="warning"
      title={trans.__('Nothing is installed until models.json is right.')}
      actions={
        openFile && (
          <Button onClick={() => void openFile(declaration.file)}>
            {trans.__('Open models.json')}
          </Button>
        )
      }
    >
      <ul className="jp-ComfyCockpit-errors">
        {declaration.errors.map((error, index) => (
          <DeclarationError key={index} error={error} />
        ))}
      </ul>
    </Notice>
  );
}

/** The ways to a first model, where there is none. */
export function FirstModels({
  status
}: {
  status: ModelsStatus;
}): ReactElement | null {
  const { trans, model, actions } = useServices();
  const { declaration, models } = status;
  if (declaration.state === 'invalid' || models.length > 0) {
    return null;
  }
  return (
    <Notice
      tone="plain"
      shape="ring"
      title={trans.__(
        'Models that %1 declares arrive by themselves.',
        declaration.file
      )}
      actions={
        <>
          <Button onClick={() => void actions.add()}>
            {trans.__('Add a model…')}
          </Button>
          <Button onClick={() => model.show('templates')}>
            {trans.__('From a template…')}
          </Button>
          <Button onClick={() => void actions.fromWorkflow()}>
            {trans.__('From a workflow…')}
          </Button>
          {actions.desk.openFile && (
            <Button onClick={() => void actions.write()}>
              {declaration.state === 'missing'
                ? trans.__('Write it yourself')
                : trans.__('Open models.json')}
            </Button>
          )}
        </>
      }
    />
  );
}

function DeclarationError({ error }: { error: Problem }): ReactElement {
  const { trans, format, actions } = useServices();
  const { detail, hint } = error;
  const line = error.where?.line ?? null;
  return (
    <li title={place(error) ?? undefined}>
      {detail ?? error.title}
      {hint && <div className="jp-ComfyCockpit-hint">{hint}</div>}
      {line !== null &&
        (actions.canFix(error) ? (
          <div className="jp-ComfyCockpit-actions">
            <Button onClick={() => actions.fix(error)}>
              {trans.__('Go to line %1', format.count(line))}
            </Button>
          </div>
        ) : (
          <div className="jp-ComfyCockpit-muted">
            {trans.__('Line %1', format.count(line))}
          </div>
        ))}
    </li>
  );
}
