import { useEffect, useMemo, useState, type ReactElement } from 'react';

import { explain } from '../problem';
import {
  fetchedBytes,
  groupsOf,
  isAllHere,
  type IStepGroup
} from '../versionPlan';
import type { Problem, VersionPlan } from '../wire';
import { useServices } from './context';
import { DiskBar } from './DiskBar';
import { ProblemLink } from './Notices';
import { Refused } from './Refused';
import { Shape } from './shapes';
import { fromWord, kindWord } from './versionWords';
import { facts } from './words';

/** More lines than anybody reads; the sums count all. */
const SHOWN = 200;

interface IVersionPlanProps {
  id: string;
  answer(value: string | null): void;
}

/** What will be built, from where, how much; what is missing; whether it fits. */
export function VersionPlanView({
  id,
  answer
}: IVersionPlanProps): ReactElement {
  const { trans, model } = useServices();
  const [plan, setPlan] = useState<VersionPlan | null>(null);
  const [error, setError] = useState<unknown>(null);
  useEffect(() => {
    let gone = false;
    model.versions.plan(id).then(
      made => gone || setPlan(made),
      (why: unknown) => gone || setError(why)
    );
    return () => {
      gone = true;
    };
  }, [id, model]);
  const wanted = plan?.action === 'realize';
  useEffect(() => {
    answer(wanted ? id : null);
  }, [answer, wanted, id]);
  return (
    <div className="jp-ComfyCockpit-plan" aria-busy={!plan && error === null}>
      {error !== null ? (
        <Refused error={error} />
      ) : plan ? (
        <Plan plan={plan} />
      ) : (
        <p role="status">{trans.__('Asking the hosts…')}</p>
      )}
    </div>
  );
}

function Plan({ plan }: { plan: VersionPlan }): ReactElement {
  const { trans, format } = useServices();
  const groups = useMemo(() => groupsOf(plan), [plan]);
  if (plan.action === 'nothing') {
    return (
      <p role="status">
        {trans.__('Nothing to do: it is realized as its lock says.')}
      </p>
    );
  }
  const bytes = fetchedBytes(plan);
  // The bars say which disk is too small.
  const missing = plan.missing.filter(problem => problem.code !== 'disk_full');
  return (
    <>
      <p role="status">
        {facts(
          trans._n(
            '%2 step',
            '%2 steps',
            plan.steps.length,
            format.count(plan.steps.length)
          ),
          bytes > 0
            ? trans.__('%1 to fetch', format.bytes(bytes))
            : isAllHere(plan)
              ? trans.__('nothing to fetch')
              : trans.__('unknown size')
        )}
      </p>
      {plan.file_systems.map(system => (
        <DiskBar
          key={system.path}
          disk={{
            path: system.path,
            free: system.free_bytes,
            needed: system.needed_bytes,
            shortfall: system.shortfall_bytes
          }}
        />
      ))}
      {missing.length > 0 && (
        <ul className="jp-ComfyCockpit-list jp-ComfyCockpit-steps">
          {missing.map((problem, index) => (
            <Missing key={index} problem={problem} />
          ))}
        </ul>
      )}
      <div className="jp-ComfyCockpit-groups">
        {groups.map(group => (
          <Group key={group.kind} group={group} />
        ))}
      </div>
    </>
  );
}

function Missing({ problem }: { problem: Problem }): ReactElement {
  const { trans } = useServices();
  const { summary, detail, hint } = explain(problem, trans);
  const listed = problem.args['missing'];
  const missing = Array.isArray(listed) ? listed.map(String) : [];
  return (
    <li>
      <Shape name="warning" />
      <div>
        <div>
          {detail?.startsWith(summary) ? detail : facts(summary, detail)}
        </div>
        {missing.length > 1 && (
          <div className="jp-ComfyCockpit-muted">{missing.join(', ')}</div>
        )}
        {hint && <div className="jp-ComfyCockpit-hint">{hint}</div>}
        <ProblemLink problem={problem} />
      </div>
    </li>
  );
}

/** One line; on opening, each of its steps. */
function Group({ group }: { group: IStepGroup }): ReactElement {
  const { trans, format } = useServices();
  const { kind, steps, bytes, from } = group;
  const [only] = steps;
  const origins =
    from.length === 1 && from[0]
      ? fromWord(from[0][0], trans)
      : from
          .map(
            ([origin, count]) =>
              `${fromWord(origin, trans)} ${format.count(count)}`
          )
          .join(', ');
  const line = facts(origins, bytes > 0 && format.bytes(bytes));
  if (steps.length === 1 && only) {
    const subject =
      kind === 'environment'
        ? only.subject.replace(/^Python /, '')
        : only.subject;
    return (
      <div className="jp-ComfyCockpit-group">
        <span className="jp-ComfyCockpit-shape" />
        <span className="jp-ComfyCockpit-kind">{kindWord(kind, trans)}</span>
        <span className="jp-ComfyCockpit-name" title={subject}>
          {subject}
        </span>
        <span className="jp-ComfyCockpit-figures">{line}</span>
      </div>
    );
  }
  return (
    <details>
      <summary className="jp-ComfyCockpit-group">
        <Shape name="right" />
        <span className="jp-ComfyCockpit-kind">{kindWord(kind, trans)}</span>
        <span className="jp-ComfyCockpit-name">
          {format.count(steps.length)}
        </span>
        <span className="jp-ComfyCockpit-figures">{line}</span>
      </summary>
      <ul className="jp-ComfyCockpit-list jp-ComfyCockpit-steps" tabIndex={0}>
        {steps.slice(0, SHOWN).map((step, index) => (
          <li key={index}>
            <span className="jp-ComfyCockpit-name" title={step.subject}>
              {step.subject}
            </span>
            <span className="jp-ComfyCockpit-figures">
              {facts(
                step.size_bytes !== null && format.bytes(step.size_bytes),
                step.from && fromWord(step.from, trans)
              )}
            </span>
          </li>
        ))}
        {steps.length > SHOWN && (
          <li className="jp-ComfyCockpit-muted">
            {trans.__('and %1 more', format.count(steps.length - SHOWN))}
          </li>
        )}
      </ul>
    </details>
  );
}
