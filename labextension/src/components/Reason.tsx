import IconButton from '@mui/material/IconButton';
import { useId, useState, type ReactElement } from 'react';

import type { IExplanation } from '../problem';
import type { Problem } from '../wire';
import { useServices } from './context';
import { ProblemLink } from './Notices';
import { Shape } from './shapes';

/** The first sentence of what went wrong; all of it, and what to do, on expanding. */
export function Reason({
  summary,
  detail,
  hint,
  problem,
  tab = 0
}: IExplanation & { problem: Problem | null; tab?: number }): ReactElement {
  const { trans } = useServices();
  const [open, setOpen] = useState(false);
  const id = useId();
  const more = detail !== null || hint !== null || problem?.link;
  // The first sentence is told once.
  const told = detail?.startsWith(summary) ?? false;
  return (
    <div className="jp-ComfyCockpit-reason">
      {more && (
        <IconButton
          aria-expanded={open}
          tabIndex={tab}
          aria-controls={id}
          aria-label={trans.__('Details')}
          title={trans.__('Details')}
          onClick={() => setOpen(!open)}
        >
          <Shape name="right" />
        </IconButton>
      )}
      <div id={id}>
        <div>{open && told ? detail : summary}</div>
        {open && detail && !told && <div>{detail}</div>}
        {open && hint && <div className="jp-ComfyCockpit-hint">{hint}</div>}
        {open && problem && <ProblemLink problem={problem} />}
      </div>
    </div>
  );
}
