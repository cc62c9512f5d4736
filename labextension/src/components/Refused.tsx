import type { ReactElement } from 'react';

import { explainError } from '../problem';
import { useServices } from './context';
import { ProblemLink } from './Notices';
import { Shape } from './shapes';

/** Why a question of a dialog was refused, and what to do. */
export function Refused({ error }: { error: unknown }): ReactElement {
  const { trans } = useServices();
  const { summary, detail, hint, problem } = explainError(error, trans);
  return (
    <div className="jp-ComfyCockpit-gate">
      <Shape name="warning" />
      <div>
        <div>{detail?.startsWith(summary) ? detail : summary}</div>
        {detail && !detail.startsWith(summary) && <div>{detail}</div>}
        {hint && <div className="jp-ComfyCockpit-hint">{hint}</div>}
        {problem && <ProblemLink problem={problem} />}
      </div>
    </div>
  );
}
