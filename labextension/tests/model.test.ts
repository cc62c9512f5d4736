import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { CockpitModel } from '../src/model';
import { AnswerError, ProblemError } from '../src/request';
import { overview } from '../src/state';
import { FakeClient, FakePage } from './fakes';
import { aFetch, aJob, aModel, aProblem, aStatus } from './fixtures';

let client: FakeClient;
let page: FakePage;
let model: CockpitModel;

beforeEach(() => {
  vi.useFakeTimers();
  client = new FakeClient(aStatus([aModel('a'), aModel('b')]));
  page = new FakePage();
  model = new CockpitModel(client, page);
});

afterEach(() => vi.useRealTimers());

const settle = (ms = 0) => vi.advanceTimersByTimeAsync(ms);
const kind = () => model.getState().connection.kind;
const row = (id: string) =>
  overview(model.getState()).rows.find(entry => entry.model.id === id)?.row;

describe('following the daemon', () => {
  it('asks nothing before somebody looks', async () => {
    await settle(60_000);
    expect(client.calls).toEqual([]);
  });

  it('knows the models and the jobs once it is connected', async () => {
    model.hold();
    await settle();
    client.snapshot([aJob('install', { subjects: ['a'] })]);
    await settle();
    expect(kind()).toBe('ready');
    expect(row('a')?.kind).toBe('queued');
    expect(row('b')?.kind).toBe('missing');
  });

  it('gives its connection back when nobody looks or the page is hidden, and resumes', async () => {
    const hold = model.hold();
    await settle();
    client.send('log', { job_id: 'x', lines: [] }, '5-17');
    await settle();
    page.show(false);
    expect(client.closed).toBe(1);
    page.show(true);
    await settle();
    expect(client.lastEventIds).toEqual([null, '5-17']);
    hold.dispose();
    expect(client.closed).toBe(2);
  });

  it('connects again when the stream ends', async () => {
    model.hold();
    await settle();
    client.endStream();
    await settle(1_000);
    expect(client.lastEventIds).toHaveLength(2);
    expect(kind()).toBe('ready');
  });

  it('polls where streams do not come through', async () => {
    model.hold();
    await settle(26_000);
    client.jobList = [aFetch('f', 'a', { parent: null })];
    await settle(11_000);
    expect(client.calls).toContain('jobs');
    expect(row('a')?.kind).toBe('working');
  });

  it('survives a failing poll', async () => {
    model.hold();
    await settle(26_000);
    client.failure = new AnswerError('unreachable', 'gone');
    await settle(60_000);
    expect(kind()).toBe('unreachable');
    client.failure = null;
    await settle(20_000);
    expect(kind()).toBe('ready');
  });

  it('fetches the models again when another revision is announced', async () => {
    model.hold();
    await settle();
    client.status = aStatus([aModel('a', { state: 'installed' })], [], {
      revision: '2'
    });
    client.send('models', { revision: '2', changed: ['a'], removed: ['b'] });
    await settle();
    expect(model.getState().status?.revision).toBe('2');
  });
});

describe('what stands between', () => {
  it.each([
    ['absent', new AnswerError('absent', '404')],
    ['signed-out', new AnswerError('signed-out', '403')]
  ])('says %s', async (expected, failure) => {
    client.failure = failure;
    model.hold();
    await settle();
    expect(kind()).toBe(expected);
  });

  it('shows why the daemon failed, and its last lines, without asking it anything', async () => {
    client.says('failed', 'It ended.', ['boom']);
    model.hold();
    await settle();
    expect(model.getState().connection).toEqual({
      kind: 'failed',
      cause: 'It ended.',
      log: ['boom']
    });
    expect(client.calls).toEqual(['server']);
  });

  it('is ready soon after the daemon is', async () => {
    client.says('starting');
    model.hold();
    await settle(3_000);
    expect(kind()).toBe('starting');
    client.says('ready');
    await settle(1_500);
    expect(kind()).toBe('ready');
  });

  it('restarts a daemon that failed', async () => {
    client.says('failed');
    model.hold();
    await settle();
    await model.restartDaemon();
    await settle();
    expect(kind()).toBe('ready');
  });

  it('shows a problem that the daemon has with being asked', async () => {
    client.failure = new ProblemError(aProblem('not_writable'));
    model.hold();
    await settle();
    expect(model.getState().refusal?.code).toBe('not_writable');
  });
});

describe('clicks', () => {
  beforeEach(async () => {
    model.hold();
    await settle();
  });

  it('makes a row say "queued" before the daemon has answered', async () => {
    const answer = model.install({ models: ['a'] });
    expect(row('a')?.kind).toBe('queued');
    await answer;
    expect(row('a')?.kind).toBe('queued');
    expect(client.selections).toEqual([{ models: ['a'] }]);
  });

  it('gives the row back when the daemon refuses, and says why', async () => {
    client.failure = new ProblemError(aProblem('busy'));
    await model.install({ models: ['a'] });
    expect(row('a')?.kind).toBe('missing');
    expect(model.getState().refusal?.code).toBe('busy');
  });

  it('is not misled by an answer that comes after the end of its job', async () => {
    const answer = model.install({ models: ['a'] });
    client.send('job', aJob('install', { state: 'done', subjects: ['a'] }));
    await settle();
    await answer;
    client.send('job', aJob('install', { subjects: ['a'] }));
    await settle();
    expect(overview(model.getState()).queue).toEqual([]);
  });

  it('shows a cancel at once', async () => {
    client.snapshot([aJob('install', { subjects: ['a'] }), aFetch('f', 'a')]);
    await settle();
    void model.cancel('f');
    expect(row('a')?.kind).toBe('cancelling');
    client.send('job', aFetch('f', 'a', { state: 'cancelled' }));
    await settle();
    expect(row('a')?.kind).toBe('missing');
  });

  it('does not show again what was dismissed', async () => {
    const failed = aJob('old', { state: 'failed', subjects: ['a'] });
    client.snapshot([failed]);
    await settle();
    expect(overview(model.getState()).queue).toHaveLength(1);
    model.dismiss('old');
    client.snapshot([failed]);
    await settle();
    expect(overview(model.getState()).queue).toHaveLength(0);
  });

  it('keeps a log up to date while somebody reads it', async () => {
    client.snapshot([aJob('install')]);
    await model.openLog('install');
    client.send('log', { job_id: 'install', lines: ['second line'] });
    await settle();
    expect(model.getState().logs.get('install')).toEqual([
      'first line',
      'second line'
    ]);
    model.closeLog('install');
    expect(model.getState().logs.has('install')).toBe(false);
  });
});
