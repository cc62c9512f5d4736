import Button from '@mui/material/Button';
import { useEffect, useState, type ReactElement } from 'react';

import { checkWords } from '../doctor';
import { explainError } from '../problem';
import { VERSION } from '../version';
import type { Doctor, DoctorCheck } from '../wire';
import { useServices } from './context';
import { Reason } from './Reason';
import { Shape, type ShapeName } from './shapes';

/** What is right and wrong with this machine. */
export function DoctorView(): ReactElement {
  const { trans, format, model, actions } = useServices();
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
  const other = model.getState().otherVersion;
  const say: Record<State, { word: string; shape: ShapeName }> = {
    ok: { word: trans.__('In order'), shape: 'check' },
    warning: { word: trans.__('Warning'), shape: 'warning' },
    failed: { word: trans.__('Wrong'), shape: 'cross' }
  };
  return (
    <div className="jp-ComfyCockpit-doctor">
      <Button
        onClick={() => {
          actions.desk.copy(report(doctor, other));
          setCopied(true);
        }}
      >
        {copied ? trans.__('Copied') : trans.__('Copy report')}
      </Button>
      <table>
        <thead className="jp-ComfyCockpit-hidden">
          <tr>
            <th>{trans.__('State')}</th>
            <th>{trans.__('What')}</th>
            <th>{trans.__('Found')}</th>
          </tr>
        </thead>
        <tbody>
          {sorted(doctor.checks).map(check => {
            const { name, detail, hint } = checkWords(check, trans, format);
            const { word, shape } = say[check.state];
            return (
              <tr key={check.name} className={`jp-mod-${check.state}`}>
                <td title={word}>
                  <Shape name={shape} />
                  <span className="jp-ComfyCockpit-hidden">{word}</span>
                </td>
                <th scope="row">{name}</th>
                <td>
                  <div className="jp-ComfyCockpit-detail">{detail}</div>
                  {hint && <div className="jp-ComfyCockpit-hint">{hint}</div>}
                </td>
              </tr>
            );
          })}
          {other !== null && (
            <tr className="jp-mod-warning">
              <td title={say.warning.word}>
                <Shape name={say.warning.shape} />
                <span className="jp-ComfyCockpit-hidden">
                  {say.warning.word}
                </span>
              </td>
              <th scope="row">{trans.__('This page')}</th>
              <td>
                {VERSION}
                <div className="jp-ComfyCockpit-hint">
                  {trans.__(
                    'The server has version %1, this page %2.',
                    other,
                    VERSION
                  )}
                </div>
              </td>
            </tr>
          )}
        </tbody>
      </table>
    </div>
  );
}

type State = DoctorCheck['state'];

const URGENCY: readonly State[] = ['failed', 'warning', 'ok'];

/** What is wrong comes first. */
function sorted(checks: readonly DoctorCheck[]): DoctorCheck[] {
  const place = (check: DoctorCheck) => URGENCY.indexOf(check.state);
  return [...checks].sort((a, b) => place(a) - place(b));
}

/** For an issue or a chat: in English, as the daemon said it. It holds no secret. */
function report(doctor: Doctor, server: string | null): string {
  const checks = doctor.checks
    .map(({ name, state, detail, hint }) =>
      [`${state.padEnd(7)} ${name}: ${detail}`, hint && `        ${hint}`]
        .filter(Boolean)
        .join('\n')
    )
    .join('\n');
  return `${checks}\npage    ${VERSION}, server ${server ?? VERSION}`;
}
