import type {
  BundleStatus,
  DoctorCheck,
  FromWorkflowResult,
  Job,
  ModelsStatus,
  ModelStatus,
  Plan,
  PlanStep,
  Problem,
  Template,
  VersionPlan,
  VersionStatus,
  VersionStep,
  WorkflowFile
} from '../src/wire';

export function aModel(
  id: string,
  change: Partial<ModelStatus> = {}
): ModelStatus {
  return {
    id,
    display_name: id,
    version: null,
    type: 'checkpoint',
    path: `checkpoints/${id}.safetensors`,
    host: 'huggingface.co',
    state: 'missing',
    size_bytes: 1_000_000_000,
    sha256: null,
    verified: 'unchecked',
    executes_code: false,
    job_id: null,
    problem: null,
    ...change
  };
}

export function aBundle(
  id: string,
  models: string[],
  change: Partial<BundleStatus> = {}
): BundleStatus {
  return {
    id,
    description: null,
    models,
    auto_install: false,
    enabled: true,
    missing_bytes: 0,
    ...change
  };
}

export function aStatus(
  models: ModelStatus[],
  bundles: BundleStatus[] = [],
  change: Partial<ModelsStatus> = {}
): ModelsStatus {
  return {
    ok: true,
    revision: '1',
    models_dir: '/data',
    declaration: { file: 'models.json', state: 'ok', errors: [] },
    bundles,
    models,
    ...change
  };
}

export function aProblem(code: string, change: Partial<Problem> = {}): Problem {
  return {
    type: `urn:comfyui-cockpit:${code}`,
    title: code,
    status: 500,
    detail: null,
    code,
    hint: null,
    args: {},
    where: null,
    retryable: false,
    link: null,
    errors: [],
    ...change
  };
}

type JobChange = Omit<Partial<Job>, 'progress'> & {
  progress?: Partial<Job['progress']>;
};

export function aJob(id: string, change: JobChange = {}): Job {
  const state = change.state ?? 'running';
  return {
    id,
    kind: 'models.install',
    lane: 'downloads',
    subjects: [],
    parent: null,
    queue_place: null,
    created_at: '2026-11-22T00:00:00Z',
    started_at: null,
    ended_at: null,
    log: [],
    result: null,
    problem: null,
    ...change,
    state,
    progress: {
      phase: state === 'queued' ? 'queued' : 'downloading',
      current: null,
      done_bytes: null,
      total_bytes: null,
      done_steps: null,
      total_steps: null,
      bytes_per_second: null,
      seconds_left: null,
      stalled: false,
      ...change.progress
    }
  };
}

/** The fetch of one model within an install. */
export function aFetch(id: string, model: string, change: JobChange = {}): Job {
  return aJob(id, {
    kind: 'models.fetch',
    parent: 'install',
    subjects: [model],
    ...change
  });
}

export function aStep(id: string, change: Partial<PlanStep> = {}): PlanStep {
  return {
    id,
    action: 'download',
    host: 'huggingface.co',
    path: `checkpoints/${id}.safetensors`,
    size_bytes: 1_000_000_000,
    sha256: null,
    expected_from: null,
    executes_code: false,
    problem: null,
    ...change
  };
}

/** A plan on one file system; what is downloaded is needed. */
export function aPlan(
  steps: PlanStep[],
  free = 100_000_000_000,
  change: Partial<Plan> = {}
): Plan {
  const needed = steps
    .filter(step => step.action === 'download')
    .reduce((sum, step) => sum + (step.size_bytes ?? 0), 0);
  const shortfall = Math.max(0, needed - free);
  return {
    ok: shortfall === 0 && steps.every(step => step.action !== 'blocked'),
    steps,
    file_systems: [
      {
        path: '/data',
        free_bytes: free,
        needed_bytes: needed,
        shortfall_bytes: shortfall
      }
    ],
    unknown_sizes: 0,
    problems: [],
    ...change
  };
}

/** What a workflow names. */
export function named(
  files: WorkflowFile[],
  unread: FromWorkflowResult['unread_nodes'] = []
): FromWorkflowResult {
  const ok = files.every(
    file => file.state === 'installed' || file.state === 'declared'
  );
  return { ok, files, unread_nodes: unread };
}

export function aFile(
  name: string,
  change: Partial<WorkflowFile> = {}
): WorkflowFile {
  return {
    workflow: 'flux.json',
    node_id: '1',
    node_type: 'CheckpointLoaderSimple',
    input: 'ckpt_name',
    name,
    folder: 'checkpoints',
    state: 'missing',
    model_id: null,
    link: null,
    sha256: null,
    declaration: null,
    ...change
  };
}

export function aTemplate(
  name: string,
  change: Partial<Template> = {}
): Template {
  return {
    name,
    title: name,
    category: 'Image',
    description: '',
    size_bytes: 1_000_000_000,
    missing_bytes: 1_000_000_000,
    min_comfyui_version: null,
    ...change
  };
}

export function aCheck(
  name: string,
  change: Partial<DoctorCheck> = {}
): DoctorCheck {
  return {
    name,
    state: 'ok',
    code: 'of_another_day',
    args: {},
    detail: name,
    hint: null,
    ...change
  };
}

export function aVersion(
  id: string,
  change: Partial<VersionStatus> = {}
): VersionStatus {
  const state = change.state ?? 'declared';
  const built = state !== 'declared' && state !== 'resolved';
  return {
    ok: state === 'realized',
    version_id: id,
    state,
    target: `/home/jo/comfy-${id}`,
    lock_digest: state === 'declared' ? null : `${id}`.padEnd(64, '0'),
    environment_digest: built ? 'e'.repeat(64) : null,
    differences: [],
    ...change
  };
}

/** A job that realizes a version. */
export function aRealize(version: string, change: JobChange = {}): Job {
  return aJob(`realize-${version}`, {
    kind: 'versions.realize',
    lane: 'environments',
    subjects: [version],
    ...change
  });
}

export function aVersionPlan(
  steps: (Partial<VersionStep> & Pick<VersionStep, 'kind' | 'subject'>)[],
  change: Partial<VersionPlan> = {}
): VersionPlan {
  return {
    ok: true,
    version_id: 'demo',
    lock_digest: 'a'.repeat(64),
    action: steps.length > 0 ? 'realize' : 'nothing',
    steps: steps.map(step => ({ from: null, size_bytes: null, ...step })),
    file_systems: [],
    missing: [],
    ...change
  };
}
