import {
  aProblem,
  aRealize,
  aVersion,
  aVersionPlan
} from '../labextension/tests/fixtures';
import type { FreedResult, VersionDiff } from '../labextension/src/wire';

const GB = 1_000_000_000;
const DIGEST =
  '3f1c9e2ab04d77c1a8e5f0b2d6c4937185a0e1f2b3c4d5e6f708192a3b4c5d6e';

const CONFLICT = aProblem('dependency_conflict', {
  detail:
    'numpy cannot be both ==1.26.4 (custom_nodes/ComfyUI-Impact-Pack/requirements.txt) and >=2 (requirements.txt of ComfyUI).',
  hint: 'Loosen one of the two requirements, or leave one of the requesters out.'
});

/** One version in each state. */
export const EVERY = [
  aVersion('demo', { state: 'realized', lock_digest: DIGEST }),
  aVersion('flux-video', {
    state: 'stale',
    lock_digest: DIGEST,
    differences: [
      aProblem('lock_stale', {
        detail: 'custom_nodes/ComfyUI-KJNodes: it is not in the lock.',
        hint: 'Run `comfyui-cockpit version realize`; it resolves what changed and keeps every other pin.'
      }),
      aProblem('lock_stale', {
        detail: 'python_packages: another list than the lock answers.',
        hint: 'Run `comfyui-cockpit version realize`; it resolves what changed and keeps every other pin.'
      })
    ]
  }),
  aVersion('new'),
  aVersion('production-2026-11-with-a-name-that-is-much-too-long', {
    state: 'broken',
    lock_digest: DIGEST,
    differences: [
      aProblem('environment_broken', {
        detail: '.venv/lib/python3.12/site-packages/torch/version.py changed.',
        hint: 'Run `comfyui-cockpit version realize` again; it mends what differs.'
      })
    ]
  }),
  aVersion('resolved', { state: 'resolved', lock_digest: DIGEST }),
  aVersion('typo', {
    differences: [
      aProblem('declaration_invalid', {
        detail: 'Unknown key "custom_node".',
        hint: 'Did you mean "custom_nodes"?',
        where: {
          file: 'versions/typo.json',
          pointer: '/custom_node',
          line: 5,
          column: 3
        }
      })
    ]
  })
];

export const REALIZING = [
  aRealize('resolved', {
    progress: {
      phase: 'installing',
      current: '84 packages',
      done_steps: 4,
      total_steps: 8,
      bytes_per_second: 38_200_000
    }
  }),
  aRealize('new', { state: 'queued', queue_place: 1 })
];

export const FAILED = [aRealize('new', { state: 'failed', problem: CONFLICT })];

export const PLAN = aVersionPlan(
  [
    {
      kind: 'commit',
      subject: 'https://github.com/comfyanonymous/ComfyUI 9d6f0aa1b2c3',
      from: 'network'
    },
    {
      kind: 'commit',
      subject: 'https://github.com/kijai/ComfyUI-KJNodes 11aa22bb33cc',
      from: 'cache'
    },
    { kind: 'checkout', subject: 'ComfyUI', from: 'cache' },
    {
      kind: 'checkout',
      subject: 'ComfyUI/custom_nodes/ComfyUI-KJNodes',
      from: 'cache'
    },
    { kind: 'environment', subject: 'Python 3.12.8', from: 'file' },
    ...Array.from({ length: 84 }, (_, index) => ({
      kind: 'package' as const,
      subject: `package-${index}==1.${index}.0`,
      from: index % 4 ? ('cache' as const) : ('network' as const),
      size_bytes: index % 4 ? null : 31_000_000 * (index + 1)
    })),
    {
      kind: 'model',
      subject: 'vae/vae-ft-mse-840000-ema-pruned.safetensors',
      from: 'network',
      size_bytes: 334_641_190
    },
    { kind: 'link', subject: 'models -> /home/jo/models' },
    { kind: 'link', subject: 'extra_model_paths.yaml' },
    { kind: 'switch', subject: '/home/jo/comfy-demo' }
  ],
  {
    ok: false,
    file_systems: [
      {
        path: '/home/jo/.cache/runpod-comfy',
        free_bytes: 40 * GB,
        needed_bytes: 27.3 * GB,
        shortfall_bytes: 0
      },
      {
        path: '/home/jo/models',
        free_bytes: 0.2 * GB,
        needed_bytes: 0.33 * GB,
        shortfall_bytes: 0.13 * GB
      }
    ],
    missing: [
      aProblem('disk_full', {
        detail: 'The file system of /home/jo/models lacks 135 MB.',
        hint: 'Free space, or choose another place.'
      })
    ]
  }
);

export const DIFF: VersionDiff = {
  ok: false,
  equal: false,
  differences: [
    {
      pointer: '/comfy/ref',
      a: '"master"',
      b: '"v0.3.75"'
    },
    {
      pointer: '/custom_nodes/ComfyUI-KJNodes',
      a: null,
      b: '{"ref":"main","repo":"https://github.com/kijai/ComfyUI-KJNodes"}'
    },
    {
      pointer: '/lock/comfy/commit',
      a: '"9d6f0aa1b2c3d4e5f60718293a4b5c6d7e8f9012"',
      b: '"1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d"'
    },
    { pointer: '/lock/packages/numpy/version', a: '"2.3.1"', b: '"1.26.4"' }
  ]
};

export const FREED: FreedResult = {
  ok: true,
  dry_run: true,
  removed: [
    { path: '/home/jo/comfy-demo', freed_bytes: 0 },
    {
      path: '/home/jo/.comfy-builds/comfy-demo/3f1c9e2ab04d77c1',
      freed_bytes: 6_212_000_000
    },
    {
      path: '/home/jo/.comfy-builds/comfy-demo/91b2c3d4e5f60718',
      freed_bytes: 431_000_000
    }
  ],
  kept: [
    {
      path: '/home/jo/.comfy-builds/comfy-demo/data/output',
      reason: 'Your own work; --remove-root removes it.'
    },
    {
      path: '/home/jo/models',
      reason: 'Models lie outside of the version; other versions may use them.'
    }
  ]
};
