import Button from '@mui/material/Button';
import { useEffect, useState, type ReactElement } from 'react';

import { explainError } from '../problem';
import type { Doctor } from '../wire';
import { useServices } from './context';
import { Reason } from './Reason';
import { Shape, type ShapeName } from './shapes';

/** What is right and wrong with this machine. */
export function DoctorView(): ReactElement {
  const { trans, model, actions } = useServices();
  const [doctor, setDoctor] = useState<Doctor | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    let gone = false;
    model.doctor().then(
      answer => gone || setDoctor(answer),
      (why: unknown) => gone || setError(why)
    );
    return () => {
      gone = true;
    };
  }, [model]);
  if (error !== null) {
    return <Reason {...explainError(error, trans)} />;
  }
  if (!doctor) {
    return <p role="status">{trans.__('Looking…')}</p>;
  }
  const say: Record<State, { word: string; shape: ShapeName }> = {
    ok: { word: trans.__('In order'), shape: 'check' },
    warning: { word: trans.__('Warning'), shape: 'warning' },
    failed: { word: trans.__('Wrong'), shape: 'cross' }
  };
  return (
    <div className="jp-ComfyCockpit-doctor">
      <table>
        <thead className="jp-ComfyCockpit-hidden">
          <tr>
            <th>{trans.__('State')}</th>
            <th>{trans.__('What')}</th>
            <th>{trans.__('Found')}</th>
          </tr>
        </thead>
        <tbody>
          {doctor.checks.map(check => (
            <tr key={check.name} className={`jp-mod-${check.state}`}>
              <td title={say[check.state].word}>
                <Shape name={say[check.state].shape} />
                <span className="jp-ComfyCockpit-hidden">
                  {say[check.state].word}
                </span>
              </td>
              <th scope="row">{check.name}</th>
              <td>
                {check.detail}
                {check.hint && (
                  <div className="jp-ComfyCockpit-hint">{check.hint}</div>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      <Button
        onClick={() => {
          actions.desk.copy(report(doctor));
          setCopied(true);
        }}
      >
        {copied ? trans.__('Copied') : trans.__('Copy report')}
      </Button>
    </div>
  );
}

type State = Doctor['checks'][number]['state'];

/** For an issue or a chat: in English, as the daemon said it. It holds no secret. */
function report(doctor: Doctor): string {
  return doctor.checks
    .map(({ name, state, detail, hint }) =>
      [`${state.padEnd(7)} ${name}: ${detail}`, hint && `        ${hint}`]
        .filter(Boolean)
        .join('\n')
    )
    .join('\n');
}
