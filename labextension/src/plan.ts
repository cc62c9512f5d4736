import type { FileSystemNeed, Plan, PlanStep } from './wire';

/** A file system, and what the chosen steps would leave of it. */
export interface ISpace {
  readonly path: string;
  readonly free: number;
  readonly needed: number;
  /** 0 when it fits. */
  readonly shortfall: number;
}

/** Whether a step brings bytes: the only ones that can be chosen. */
export function brings(step: PlanStep): boolean {
  return step.action === 'download' || step.action === 'copy';
}

/** The file systems when only some of the steps are done. */
export function spaces(
  plan: Plan,
  chosen: ReadonlySet<string>,
  modelsDir: string
): ISpace[] {
  return plan.file_systems.map(system => {
    const left = plan.steps
      .filter(step => brings(step) && !chosen.has(step.id))
      .filter(step => systemOf(step, plan, modelsDir) === system)
      .reduce((sum, step) => sum + (step.size_bytes ?? 0), 0);
    const needed = Math.max(0, system.needed_bytes - left);
    return {
      path: system.path,
      free: system.free_bytes,
      needed,
      // The daemon keeps a reserve: what it calls short may be more than needed less free.
      shortfall: Math.max(0, system.shortfall_bytes - left)
    };
  });
}

/**
 * What to leave out so that the rest fits: the smallest one that is enough on its own, else the largest ones,
 * until it fits.
 */
export function leaveOut(plan: Plan, modelsDir: string): PlanStep[] {
  return plan.file_systems.flatMap(system => {
    let short = system.shortfall_bytes;
    const steps = plan.steps
      .filter(step => brings(step) && (step.size_bytes ?? 0) > 0)
      .filter(step => systemOf(step, plan, modelsDir) === system)
      .sort((a, b) => (b.size_bytes ?? 0) - (a.size_bytes ?? 0));
    if (short <= 0) {
      return [];
    }
    const enough = steps.findLast(step => (step.size_bytes ?? 0) >= short);
    if (enough) {
      return [enough];
    }
    return steps.filter(step => {
      const wanted = short > 0;
      short -= wanted ? (step.size_bytes ?? 0) : 0;
      return wanted;
    });
  });
}

/** The file system with the longest path that holds the step's file. */
function systemOf(
  step: PlanStep,
  plan: Plan,
  modelsDir: string
): FileSystemNeed | undefined {
  const path = step.path.startsWith('/')
    ? step.path
    : `${modelsDir}/${step.path}`;
  const holds = (system: FileSystemNeed) =>
    path.startsWith(
      system.path.endsWith('/') ? system.path : `${system.path}/`
    );
  return (
    plan.file_systems
      .filter(holds)
      .sort((a, b) => b.path.length - a.path.length)[0] ?? plan.file_systems[0]
  );
}
