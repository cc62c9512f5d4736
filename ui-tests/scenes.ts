import {
  aBundle,
  aFetch,
  aJob,
  aModel,
  aProblem,
  aStatus
} from '../labextension/tests/fixtures';
import type {
  IServerDocument,
  Job,
  ModelsStatus,
  VersionStatus
} from '../labextension/src/wire';

/** What the server answers, to show a state of the panel that is hard to reach otherwise. */
export interface IScene {
  server?: Partial<IServerDocument>;
  /** Null: never answered. */
  status: ModelsStatus | null;
  versions?: VersionStatus[];
  jobs?: Job[];
  /** The server part is not there. */
  absent?: boolean;
  /** Answers of other routes, by path: documents or problems. */
  answers?: Record<string, object>;
}

export const PROBLEM = aProblem('licence_not_accepted', {
  title: 'Licence not accepted',
  detail:
    'huggingface.co gives FLUX.1-dev only to accounts that accepted its licence. The account of the token did not.',
  hint: 'Accept the licence on the page of the model with the account of your token, then retry.',
  link: 'https://huggingface.co/black-forest-labs/FLUX.1-dev'
});

export const TWELVE = [
  aModel('sdxl', {
    display_name: 'Stable Diffusion XL Base',
    version: '1.0',
    state: 'installed',
    size_bytes: 6_938_078_334,
    verified: 'declared'
  }),
  aModel('sdxl_vae', {
    display_name: 'SDXL VAE fp16 fix',
    type: 'vae',
    state: 'installed',
    size_bytes: 334_641_162,
    verified: 'hub'
  }),
  aModel('flux', {
    display_name: 'FLUX.1 [dev]',
    type: 'diffusion_model',
    size_bytes: 23_802_932_552,
    problem: PROBLEM
  }),
  aModel('clip_l', {
    display_name: 'CLIP-L text encoder',
    type: 'text_encoder',
    size_bytes: 246_144_152
  }),
  aModel('t5', {
    display_name: 'T5 XXL fp8',
    type: 'text_encoder',
    size_bytes: 4_893_934_904
  }),
  aModel('detail', {
    display_name: 'Detail Tweaker XL',
    version: '3.0',
    type: 'lora',
    host: 'civitai.com',
    size_bytes: 912_566_316
  }),
  aModel('upscaler', {
    display_name: '4x UltraSharp',
    type: 'upscale_model',
    host: 'huggingface.co',
    size_bytes: 66_961_958,
    executes_code: true
  }),
  aModel('controlnet', {
    display_name:
      'ControlNet Depth SDXL with a name that is much too long for one line',
    type: 'controlnet',
    size_bytes: 2_502_139_104
  }),
  aModel('embedding', {
    display_name: 'Easy Negative',
    type: 'embedding',
    host: null,
    size_bytes: 24_655,
    executes_code: true
  }),
  aModel('juggernaut', {
    display_name: 'Juggernaut XL',
    version: 'v9',
    host: 'civitai.com',
    size_bytes: 7_105_348_188,
    state: 'invalid',
    problem: aProblem('checksum_differs', {
      detail:
        'The file checkpoints/juggernaut.safetensors has the SHA-256 3f1c…, and models.json declares c9e3….',
      hint: 'Replace it, or pin the file that is there.'
    })
  }),
  aModel('gone', {
    display_name: 'Pony Diffusion V6 XL',
    host: 'civitai.com',
    size_bytes: null,
    problem: aProblem('token_missing', {
      detail: 'civitai.com asks for a token.',
      hint: 'Set CIVITAI_API_TOKEN and restart the Jupyter server.'
    })
  }),
  aModel('inpaint', {
    display_name: 'SDXL Inpainting',
    size_bytes: 5_135_149_760
  })
];

export const BUNDLES = [
  aBundle('sdxl_basic', ['sdxl', 'sdxl_vae'], {
    description: 'Basic SDXL setup',
    auto_install: true
  }),
  aBundle('flux_dev', ['flux', 'clip_l', 't5'], {
    missing_bytes: 28_943_011_608
  }),
  aBundle('extras', ['detail', 'upscaler', 'controlnet', 'embedding'], {
    missing_bytes: 3_481_692_033,
    auto_install: true
  }),
  aBundle('civitai_favourites', ['juggernaut', 'gone'], {
    missing_bytes: null,
    enabled: false
  })
];

export const INSTALL = [
  aJob('install', {
    subjects: ['clip_l', 't5', 'detail', 'upscaler', 'controlnet'],
    progress: {
      done_steps: 1,
      total_steps: 5,
      bytes_per_second: 38_200_000,
      seconds_left: 250,
      done_bytes: 2_100_000_000,
      total_bytes: 8_600_000_000
    }
  }),
  aFetch('f1', 't5', {
    progress: {
      done_bytes: 1_712_877_216,
      total_bytes: 4_893_934_904,
      bytes_per_second: 38_200_000,
      seconds_left: 83
    }
  }),
  aFetch('f2', 'detail', { state: 'queued', queue_place: 1 }),
  aFetch('f3', 'upscaler', { state: 'queued', queue_place: 2 }),
  aFetch('f4', 'controlnet', { state: 'queued', queue_place: 3 }),
  aFetch('f5', 'clip_l', {
    progress: {
      phase: 'verifying',
      done_bytes: 246_000_000,
      total_bytes: 246_144_152
    }
  })
];

const FAILED_BATCH = aJob('failed', {
  state: 'failed',
  subjects: ['flux', 'gone'],
  problem: aProblem('licence_not_accepted', { detail: '2 of 2 models failed.' })
});

const ALL_INSTALLED = aStatus(
  TWELVE.map(model => ({
    ...model,
    state: 'installed' as const,
    problem: null
  })),
  BUNDLES.map(bundle => ({ ...bundle, missing_bytes: 0 }))
);

export const SCENES: Record<string, IScene> = {
  everything: { status: aStatus(TWELVE, BUNDLES), jobs: INSTALL },
  idle: {
    status: aStatus(
      TWELVE.slice(0, 9).map(model => ({ ...model, problem: null })),
      BUNDLES
    )
  },
  installed: { status: ALL_INSTALLED },
  failed_batch: { status: aStatus(TWELVE, BUNDLES), jobs: [FAILED_BATCH] },
  other_version: { status: ALL_INSTALLED, server: { version: '0.2.0' } },
  open_server: { status: ALL_INSTALLED, server: { authentication: false } },
  missing: {
    status: aStatus([], [], {
      ok: false,
      declaration: { file: 'models.json', state: 'missing', errors: [] }
    })
  },
  invalid: {
    status: aStatus(TWELVE.slice(0, 3), BUNDLES.slice(0, 2), {
      ok: false,
      declaration: {
        file: 'models.json',
        state: 'invalid',
        errors: [
          aProblem('declaration_invalid', {
            detail: 'Unknown key "sorce".',
            hint: 'Did you mean "source"?',
            where: {
              file: 'models.json',
              pointer: '/models/sdxl/sorce',
              line: 5,
              column: 7
            }
          }),
          aProblem('declaration_invalid', {
            detail:
              'The bundle "flux_dev" names the model "clip_g", which is not declared.',
            hint: 'Did you mean "clip_l"?',
            where: {
              file: 'models.json',
              pointer: '/bundles/flux_dev/models/1',
              line: 88,
              column: 31
            }
          }),
          aProblem('declaration_invalid', {
            detail: 'The path "../outside.safetensors" leaves models_dir.',
            hint: 'Give a path inside models_dir.',
            where: {
              file: 'models.json',
              pointer: '/models/flux/path',
              line: 112,
              column: 15
            }
          })
        ]
      }
    })
  },
  starting: { status: null, server: { state: 'starting' } },
  starting_again: {
    status: null,
    server: {
      state: 'starting',
      cause: 'The daemon ended with status 2.',
      log: ['error: There is no space left on the device.']
    }
  },
  loading: { status: null },
  daemon_failed: {
    status: null,
    server: {
      state: 'failed',
      cause: 'The daemon ended with status 1 three times in a row.',
      log: [
        'Error: Could not find or load main class',
        'Caused by: java.lang.ClassNotFoundException: cockpit.main.Main'
      ]
    }
  },
  absent: { status: null, absent: true }
};
