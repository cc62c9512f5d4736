import Button from '@mui/material/Button';
import { useEffect, useMemo, useState, type ReactElement } from 'react';

import { brings, leaveOut, spaces } from '../plan';
import { explain, explainError } from '../problem';
import type { Plan, PlanStep, Selection } from '../wire';
import { useServices } from './context';
import { DiskBar } from './DiskBar';
import { ProblemLink } from './Notices';
import { Reason } from './Reason';
import { Shape } from './shapes';
import { facts } from './words';

/** More lines than anybody reads; the sums above count all. */
const SHOWN = 200;

interface IPlanViewProps {
  selection: Selection;
  /** What is to be known before. */
  lead?: string | undefined;
  answer(value: Selection | null): void;
}

/** What will be fetched, from where, how much; what is there; whether it fits. */
export function PlanView({
  selection,
  lead,
  answer
}: IPlanViewProps): ReactElement {
  const { trans, model } = useServices();
  const [plan, setPlan] = useState<Plan | null>(null);
  const [error, setError] = useState<unknown>(null);
  useEffect(() => {
    let gone = false;
    answer(null);
    model.plan(selection).then(
      made => gone || setPlan(made),
      (why: unknown) => gone || setError(why)
    );
    return () => {
      gone = true;
    };
  }, [selection, model, answer]);
  return (
    <div className="jp-ComfyCockpit-plan" aria-busy={!plan && error === null}>
      {lead && <p>{lead}</p>}
      {error !== null ? (
        <Reason {...explainError(error, trans)} />
      ) : plan ? (
        <Steps plan={plan} selection={selection} answer={answer} />
      ) : (
        <p role="status">{trans.__('Asking the hosts…')}</p>
      )}
    </div>
  );
}

function Steps({
  plan,
  selection,
  answer
}: {
  plan: Plan;
  selection: Selection;
  answer(value: Selection | null): void;
}): ReactElement {
  const { trans, format, model } = useServices();
  const status = model.getState().status;
  const modelsDir = status?.models_dir ?? '';
  const names = new Map(
    status?.models.map(entry => [entry.id, entry.display_name])
  );
  const fetched = useMemo(() => plan.steps.filter(brings), [plan]);
  const [chosen, setChosen] = useState<ReadonlySet<string>>(
    () => new Set(fetched.map(step => step.id))
  );
  const present = plan.steps.filter(step => step.action === 'present');
  const blocked = plan.steps.filter(step => step.action === 'blocked');
  const all =
    chosen.size > 0 && chosen.size === fetched.length && blocked.length === 0;
  useEffect(() => {
    const some = { models: [...chosen], overwrite: selection.overwrite };
    // What is blocked may be tried all the same: its row then says why it failed.
    const trying = all || (fetched.length === 0 && blocked.length > 0);
    answer(trying ? selection : chosen.size > 0 ? some : null);
  }, [all, chosen, fetched, blocked.length, selection, answer]);
  const bytes = fetched
    .filter(step => chosen.has(step.id))
    .reduce((sum, step) => sum + (step.size_bytes ?? 0), 0);
  const disks = spaces(plan, chosen, modelsDir);
  const short = disks.some(disk => disk.shortfall > 0);
  const out = short ? leaveOut(plan, modelsDir) : [];
  const toggle = (id: string) => {
    const next = new Set(chosen);
    if (!next.delete(id)) {
      next.add(id);
    }
    setChosen(next);
  };
  const called = (step: PlanStep) => names.get(step.id) ?? step.id;
  const twice = repeated(plan.steps.map(called));
  const name = (step: PlanStep) =>
    twice.has(called(step))
      ? facts(called(step), step.path.replace(/^.*\//, ''))
      : called(step);
  // What is refused as a whole, and no step says already.
  const others = plan.problems.filter(
    problem =>
      problem.code !== 'disk_full' &&
      !blocked.some(step => step.problem?.detail === problem.detail)
  );
  return (
    <>
      <p role="status">
        {fetched.length === 0 && blocked.length === 0
          ? trans.__('Everything is there already.')
          : facts(
              fetched.length > 0 &&
                trans._n(
                  '%2 file, %3',
                  '%2 files, %3',
                  chosen.size,
                  format.count(chosen.size),
                  format.bytes(bytes)
                ),
              plan.unknown_sizes > 0 &&
                trans._n(
                  '%2 of unknown size',
                  '%2 of unknown size',
                  plan.unknown_sizes,
                  format.count(plan.unknown_sizes)
                ),
              present.length > 0 &&
                trans._n(
                  '%2 is there already',
                  '%2 are there already',
                  present.length,
                  format.count(present.length)
                )
            )}
      </p>
      {disks.map(disk => (
        <DiskBar key={disk.path} disk={disk} />
      ))}
      {out.length > 0 && (
        <div className="jp-ComfyCockpit-reason">
          <Shape name="warning" />
          <div>
            {trans.__(
              'It fits without %1.',
              out
                .map(
                  step =>
                    `${name(step)} (${format.bytes(step.size_bytes ?? 0)})`
                )
                .join(', ')
            )}{' '}
            <Button
              onClick={() => {
                const rest = new Set(chosen);
                out.forEach(step => rest.delete(step.id));
                setChosen(rest);
              }}
            >
              {trans.__('Leave out')}
            </Button>
          </div>
        </div>
      )}
      {others.map((problem, index) => (
        <Reason key={index} {...explain(problem, trans)} problem={problem} />
      ))}
      <ul className="jp-ComfyCockpit-list jp-ComfyCockpit-steps">
        {blocked.map(step => (
          <li key={step.id}>
            <Shape name="warning" />
            <div>
              <div>{name(step)}</div>
              {step.problem && <Blocked step={step} />}
            </div>
          </li>
        ))}
        {fetched.slice(0, SHOWN).map(step => (
          <li key={step.id}>
            <label>
              <input
                type="checkbox"
                checked={chosen.has(step.id)}
                onChange={() => toggle(step.id)}
              />
              <span className="jp-ComfyCockpit-name" title={step.path}>
                {name(step)}
              </span>
              <span className="jp-ComfyCockpit-figures">
                {facts(
                  step.executes_code && trans.__('runs code'),
                  step.host,
                  step.size_bytes === null
                    ? trans.__('unknown size')
                    : format.bytes(step.size_bytes)
                )}
              </span>
            </label>
          </li>
        ))}
      </ul>
      {fetched.length > SHOWN && (
        <p className="jp-ComfyCockpit-muted">
          {trans.__('and %1 more', format.count(fetched.length - SHOWN))}
        </p>
      )}
    </>
  );
}

/** Texts that stand there more than once. */
function repeated(texts: readonly string[]): ReadonlySet<string> {
  const seen = new Set<string>();
  return new Set(texts.filter(text => seen.size === seen.add(text).size));
}

function Blocked({ step }: { step: PlanStep }): ReactElement | null {
  const { trans } = useServices();
  if (!step.problem) {
    return null;
  }
  const { summary, hint } = explain(step.problem, trans);
  return (
    <div className="jp-ComfyCockpit-muted">
      {summary} {hint} <ProblemLink problem={step.problem} />
    </div>
  );
}
