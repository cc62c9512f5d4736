import { nullTranslator } from '@jupyterlab/translation';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { versionDone } from '../src/components/versionWords';
import { headline, jobName } from '../src/components/words';
import { Formatter } from '../src/format';
import { CockpitModel } from '../src/model';
import { explainAll } from '../src/problem';
import { ProblemError } from '../src/request';
import { EMPTY, overview, withJob, withJobs, type IState } from '../src/state';
import { EMPTY_FORM, requestOf } from '../src/versionForm';
import { fetchedBytes, groupsOf } from '../src/versionPlan';
import type { Job, VersionStatus } from '../src/wire';
import { FakeClient, FakePage } from './fakes';
import {
  aFetch,
  aJob,
  aModel,
  aProblem,
  aRealize,
  aStatus,
  aVersion,
  aVersionPlan
} from './fixtures';

const trans = nullTranslator.load('test');
const format = new Formatter(trans, 'en');

function given(versions: VersionStatus[], ...jobs: Job[]): IState {
  const document = { ok: true, revision: 'v', directory: '/v', versions };
  return withJobs(
    { ...EMPTY, connection: { kind: 'ready' }, versions: document },
    jobs
  );
}

const kinds = (state: IState) =>
  overview(state).versions.map(entry => entry.row.kind);

describe('rows of versions', () => {
  it('say what the disk says while nothing runs', () => {
    const states = [
      'declared',
      'resolved',
      'stale',
      'realized',
      'broken'
    ] as const;
    const versions = states.map(state => aVersion(state, { state }));
    expect(kinds(given(versions))).toEqual(states);
  });

  it('stay as they are while a workflow runs on their version', () => {
    const run = (state: Job['state']) =>
      aJob('run', {
        kind: 'workflows.run',
        lane: 'gpu',
        subjects: ['demo'],
        state,
        problem: state === 'failed' ? aProblem('workflow_failed') : null,
        progress: { phase: 'running', done_steps: 1, total_steps: 2 }
      });
    const demo = aVersion('demo', { state: 'realized' });
    for (const state of ['running', 'failed'] as const) {
      const shown = {
        ...given([demo], run(state)),
        status: aStatus([])
      };
      expect(kinds(shown)).toEqual(['realized']);
      expect(jobName(run(state), shown, trans, format)).toBe(
        'Run a workflow on demo'
      );
      const { said } = headline(shown, overview(shown), trans, format);
      expect(said).toBe(
        state === 'running'
          ? 'Run a workflow on demo'
          : '1 of 1 versions realized'
      );
    }
  });

  it('say that a spec has errors, whatever is realized', () => {
    const differences = [aProblem('declaration_invalid')];
    const version = aVersion('a', { state: 'stale', differences });
    expect(kinds(given([version]))).toEqual(['invalid']);
  });

  it('follow their job, and not its parts', () => {
    const part = aJob('part', {
      kind: 'versions.build',
      parent: 'realize-a',
      state: 'queued',
      subjects: ['a']
    });
    const state = given(
      [aVersion('a'), aVersion('b')],
      aRealize('a'),
      part,
      aRealize('b', { state: 'queued', queue_place: 1 })
    );
    expect(kinds(state)).toEqual(['working', 'queued']);
    expect(overview(state).queue.map(job => job.id)).toEqual([
      'realize-a',
      'realize-b'
    ]);
  });

  it('are realized as soon as their job is done', () => {
    const result = {
      ok: true,
      state: 'realized' as const,
      target: '/t',
      lock_digest: 'l',
      environment_digest: 'e',
      previous: null
    };
    const before = given([aVersion('a')], aRealize('a'));
    const state = withJob(before, aRealize('a', { state: 'done', result }));
    expect(kinds(state)).toEqual(['realized']);
    expect(overview(state).versions[0]?.version.lock_digest).toBe('l');
  });

  it('say why it failed until that is read or tried again', () => {
    const problem = aProblem('dependency_conflict');
    const failed = aRealize('a', { id: 'old', state: 'failed', problem });
    expect(kinds(given([aVersion('a')], failed))).toEqual(['failed']);
    const again = aRealize('a', { created_at: '2026-11-22T00:01:00Z' });
    const state = given([aVersion('a')], failed, again);
    expect(kinds(state)).toEqual(['working']);
    expect(overview(state).queue).toHaveLength(1);
  });

  it('and rows of models are not moved by a job of the other with the same name', () => {
    const state = given([aVersion('a')], aFetch('f', 'a', { parent: null }));
    expect(kinds(state)).toEqual(['declared']);
    const models = withJobs({ ...EMPTY, status: aStatus([aModel('a')]) }, [
      aRealize('a')
    ]);
    expect(overview(models).rows[0]?.row.kind).toBe('missing');
  });
});

describe('the model', () => {
  let client: FakeClient;
  let model: CockpitModel;

  beforeEach(async () => {
    vi.useFakeTimers();
    client = new FakeClient(aStatus([]));
    client.versions.has(aVersion('a'), aVersion('b'));
    model = new CockpitModel(client, new FakePage());
    model.hold();
    await settle();
  });

  afterEach(() => vi.useRealTimers());

  const settle = (ms = 0) => vi.advanceTimersByTimeAsync(ms);

  it('knows the versions once it is connected, and again when one changes', async () => {
    client.snapshot([]);
    await settle();
    expect(kinds(model.getState())).toEqual(['declared', 'declared']);
    client.versions.has(aVersion('a', { state: 'resolved' }));
    const event = { revision: 'v2', changed: ['a'], removed: ['b'] };
    client.send('versions', event);
    await settle();
    expect(kinds(model.getState())).toEqual(['resolved']);
  });

  it('reads nothing again when a snapshot has the revision that it knows', async () => {
    client.snapshot([]);
    await settle();
    const calls = client.calls.filter(call => call === 'versions').length;
    client.snapshot([]);
    await settle();
    expect(client.calls.filter(call => call === 'versions')).toHaveLength(
      calls
    );
  });

  it('says "queued" before the daemon has answered, and gives the row back when it refuses', async () => {
    const answer = model.versions.realize('a');
    expect(kinds(model.getState())[0]).toBe('queued');
    await answer;
    expect(kinds(model.getState())[0]).toBe('queued');
    client.failure = new ProblemError(aProblem('busy'));
    await model.versions.realize('b');
    expect(kinds(model.getState())[1]).toBe('declared');
    expect(model.getState().refusal?.code).toBe('busy');
  });

  it('unfolds a section that is opened, and folds lists one by one', () => {
    model.fold('versions');
    model.fold('bundles');
    model.open('versions');
    expect([...model.getState().folded]).toEqual(['bundles']);
    expect(model.getState().section).toBe('versions');
  });
});

describe('a plan', () => {
  const plan = aVersionPlan([
    { kind: 'commit', subject: 'a', from: 'network' },
    { kind: 'package', subject: 'b', from: 'cache', size_bytes: 5 },
    { kind: 'package', subject: 'c', from: 'network', size_bytes: 7 },
    { kind: 'link', subject: 'd' }
  ]);

  it('is grouped by kind, with counts by origin and the bytes that come', () => {
    expect(
      groupsOf(plan).map(({ kind, bytes, from }) => [kind, bytes, from])
    ).toEqual([
      ['commit', 0, [['network', 1]]],
      [
        'package',
        7,
        [
          ['network', 1],
          ['cache', 1]
        ]
      ],
      ['link', 0, []]
    ]);
    expect(fetchedBytes(plan)).toBe(7);
  });
});

describe('the form', () => {
  it('becomes a request: lines, refs, folders', () => {
    const request = requestOf({
      ...EMPTY_FORM,
      id: ' demo ',
      nodes: 'https://x/node@main\n\n  https://x/other  ',
      models: 'hf://a/b/c.safetensors vae\nhf://a/b/d.safetensors',
      packages: 'requests >= 2',
      backend: 'cpu'
    });
    expect(request).toEqual({
      id: 'demo',
      repo: 'https://github.com/comfyanonymous/ComfyUI@master',
      nodes: ['https://x/node@main', 'https://x/other'],
      models: [
        '{"source":"hf://a/b/c.safetensors","target_subdir":"vae"}',
        'hf://a/b/d.safetensors'
      ],
      python_packages: ['requests >= 2'],
      python: '3.12',
      torch_backend: 'cpu'
    });
  });

  it.each(['', 'a b', '../a'])('is not sent with the name "%s"', id => {
    expect(requestOf({ ...EMPTY_FORM, id })).toBeNull();
  });
});

describe('several problems', () => {
  it('are told by the first in a sentence, and all of them on expanding', () => {
    const inner = aProblem('offline', { detail: 'B is missing.', hint: 'H.' });
    const told = explainAll(
      [
        aProblem('offline', { detail: 'Two are missing.', errors: [inner] }),
        aProblem('lock_stale', { detail: 'C is not in the lock.', hint: 'H.' })
      ],
      trans
    );
    expect(told?.summary).toBe('Two are missing.');
    expect(told?.detail).toBe(
      'Two are missing.\nB is missing.\nC is not in the lock.'
    );
    expect(told?.hint).toBe('H.');
  });
});

it('a problem that another program told is told with its words', () => {
  const problem = aProblem('package_failed', {
    detail: 'It cannot be built.',
    args: { said: 'error: no compiler' }
  });
  expect(explainAll([problem], trans)?.detail).toBe(
    'It cannot be built.\nerror: no compiler'
  );
});

describe('the end of a job', () => {
  it.each([
    ['realize', { state: 'unchanged' }, 'a was realized already.'],
    ['realize', { state: 'realized' }, 'a is realized.'],
    [
      'resolve',
      { lock_digest: 'l', changed: [{}, {}] },
      'a is resolved: 2 pins moved.'
    ],
    [
      'verify-models',
      { models: [{ state: 'ok' }, { state: 'missing' }] },
      '1 model of a is not what it should be.'
    ],
    [
      'gc',
      { dry_run: false, removed: [{ freed_bytes: 2_000_000 }] },
      '2.0\u00a0MB freed'
    ]
  ])('of %s is one sentence', (kind, result, said) => {
    const job = aJob('j', {
      kind: `versions.${kind}`,
      state: 'done',
      subjects: ['a'],
      result: result as unknown as Job['result']
    });
    expect(versionDone(job, trans, format)).toBe(said);
  });
});
