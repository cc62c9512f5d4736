import type { VersionPlan, VersionStep } from './wire';

/** The steps of one kind. */
export interface IStepGroup {
  readonly kind: VersionStep['kind'];
  readonly steps: readonly VersionStep[];
  /** Bytes that are not here yet, as far as they are known. */
  readonly bytes: number;
  /** How many come from where; what comes from the network first. */
  readonly from: readonly (readonly [
    NonNullable<VersionStep['from']>,
    number
  ])[];
}

const ORIGINS = ['network', 'wheels', 'file', 'cache'] as const;

/** The steps by kind, in the order of the plan. */
export function groupsOf(plan: VersionPlan): readonly IStepGroup[] {
  const groups = new Map<VersionStep['kind'], VersionStep[]>();
  for (const step of plan.steps) {
    const group = groups.get(step.kind) ?? [];
    group.push(step);
    groups.set(step.kind, group);
  }
  return [...groups].map(([kind, steps]) => ({
    kind,
    steps,
    bytes: steps
      .filter(isFetched)
      .reduce((sum, step) => sum + (step.size_bytes ?? 0), 0),
    from: ORIGINS.flatMap(origin => {
      const count = steps.filter(step => step.from === origin).length;
      return count > 0 ? [[origin, count] as const] : [];
    })
  }));
}

/** Bytes that the network has to bring, as far as they are known. */
export function fetchedBytes(plan: VersionPlan): number {
  return plan.steps
    .filter(isFetched)
    .reduce((sum, step) => sum + (step.size_bytes ?? 0), 0);
}

/** Whether the network has nothing to bring. */
export function isAllHere(plan: VersionPlan): boolean {
  return plan.steps.every(step => step.from !== 'network');
}

function isFetched(step: VersionStep): boolean {
  return step.from !== 'cache';
}
