import { nullTranslator } from '@jupyterlab/translation';
import { describe, expect, it } from 'vitest';

import { headline } from '../src/components/words';
import { Formatter } from '../src/format';
import { EMPTY, overview, withJob, withJobs, type IState } from '../src/state';
import type { Job, ModelsStatus } from '../src/wire';
import { aBundle, aFetch, aJob, aModel, aProblem, aStatus } from './fixtures';

function given(status: ModelsStatus, ...jobs: Job[]): IState {
  return withJobs({ ...EMPTY, connection: { kind: 'ready' }, status }, jobs);
}

const kinds = (state: IState) =>
  overview(state).rows.map(entry => entry.row.kind);

describe('rows', () => {
  it('say what the disk says while nothing runs', () => {
    const state = given(
      aStatus([
        aModel('a', { state: 'installed' }),
        aModel('b'),
        aModel('c', { state: 'invalid' }),
        aModel('d', { problem: aProblem('token_missing') })
      ])
    );
    expect(kinds(state)).toEqual(['installed', 'missing', 'invalid', 'failed']);
  });

  it('do not call a cancelled model failed', () => {
    const state = given(
      aStatus([aModel('a', { problem: aProblem('cancelled') })])
    );
    expect(kinds(state)).toEqual(['missing']);
  });

  it('follow the fetch of their model, and wait with their install before it begins', () => {
    const state = given(
      aStatus([aModel('a'), aModel('b'), aModel('c')]),
      aJob('install', { subjects: ['a', 'b', 'c'] }),
      aFetch('f1', 'a'),
      aFetch('f2', 'b', { state: 'queued', queue_place: 1 })
    );
    expect(kinds(state)).toEqual(['working', 'queued', 'queued']);
  });

  it('are installed as soon as their fetch is done, though the install goes on', () => {
    let state = given(
      aStatus([aModel('a'), aModel('b')]),
      aJob('install', { subjects: ['a', 'b'] }),
      aFetch('f1', 'a')
    );
    state = withJob(state, aFetch('f1', 'a', { state: 'done' }));
    expect(kinds(state)).toEqual(['installed', 'queued']);
  });

  it('fail as soon as their fetch fails, with its reason', () => {
    let state = given(
      aStatus([aModel('a'), aModel('b')]),
      aJob('install', { subjects: ['a', 'b'] })
    );
    const problem = aProblem('licence_not_accepted');
    state = withJob(state, aFetch('f1', 'a', { state: 'failed', problem }));
    expect(overview(state).rows[0]?.row).toEqual({ kind: 'failed', problem });
    expect(kinds(state)[1]).toBe('queued');
  });

  it('stay failed while their batch is unread, whatever the status document knows', () => {
    const problem = aProblem('licence_not_accepted');
    const state = given(
      aStatus([aModel('a')]),
      aJob('install', { state: 'failed', subjects: ['a'] }),
      aFetch('f1', 'a', { state: 'failed', problem })
    );
    expect(overview(state).rows[0]?.row).toEqual({ kind: 'failed', problem });
  });

  it('show which file is being verified', () => {
    const state = given(
      aStatus([
        aModel('a', { state: 'installed' }),
        aModel('b', { state: 'installed' })
      ]),
      aJob('verify', {
        kind: 'models.verify',
        subjects: ['a', 'b'],
        progress: { phase: 'verifying', current: 'b' }
      })
    );
    expect(kinds(state)).toEqual(['installed', 'working']);
  });
});

describe('the queue', () => {
  it('drops what is done or cancelled, and keeps what failed', () => {
    const state = given(
      aStatus([]),
      aJob('one', { state: 'done' }),
      aJob('two', { state: 'cancelled' }),
      aJob('three', { state: 'failed' })
    );
    expect(overview(state).queue.map(job => job.id)).toEqual(['three']);
  });

  it('drops a failure that a later install takes up', () => {
    let state = given(
      aStatus([aModel('a')]),
      aJob('old', { state: 'failed', subjects: ['a'] })
    );
    const retry = aJob('new', {
      subjects: ['a'],
      created_at: '2026-11-22T00:01:00Z'
    });
    state = withJob(state, retry);
    expect(overview(state).queue.map(job => job.id)).toEqual(['new']);
  });
});

describe('bundles', () => {
  it('count their models and know what is still to be asked for', () => {
    const state = given(
      aStatus(
        [aModel('a', { state: 'installed' }), aModel('b'), aModel('c')],
        [aBundle('all', ['a', 'b', 'c'], { missing_bytes: 2_000_000_000 })]
      ),
      aFetch('f', 'c', { parent: null })
    );
    expect(overview(state).bundles[0]).toMatchObject({
      total: 3,
      installed: 1,
      fetches: ['f'],
      open: ['b']
    });
  });
});

it('does not guess a sum while a size is unknown', () => {
  const state = given(
    aStatus([aModel('a'), aModel('b', { size_bytes: null })])
  );
  expect(overview(state).missingBytes).toBeNull();
});

it('does not call a model installed that was only asked for', () => {
  const trans = nullTranslator.load('test');
  const state = {
    ...given(aStatus([aModel('a', { state: 'installed' }), aModel('b')])),
    asked: new Set(['b'])
  };
  expect(kinds(state)).toEqual(['installed', 'queued']);
  const format = new Formatter(trans, 'en');
  expect(headline(state, overview(state), trans, format).said).toBe(
    '1 of 2 models missing'
  );
});
