// @vitest-environment jsdom
import { nullTranslator } from '@jupyterlab/translation';
import { act, cleanup, render, screen, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { Actions } from '../src/actions';
import { CockpitView } from '../src/components/CockpitView';
import { ServicesProvider } from '../src/components/context';
import type { IDialogOptions } from '../src/desk';
import { Formatter } from '../src/format';
import { CockpitModel } from '../src/model';
import { ProblemError } from '../src/request';
import type { Job } from '../src/wire';
import { FakeClient, FakeDesk, FakePage } from './fakes';
import {
  aProblem,
  aRealize,
  aStatus,
  aVersion,
  aVersionPlan
} from './fixtures';

const trans = nullTranslator.load('test');

let client: FakeClient;
let desk: FakeDesk;
let actions: Actions;
let hold: { dispose(): void } | null = null;
/** What accepting the open dialog means now. */
let answer: unknown;

beforeEach(() => {
  client = new FakeClient(aStatus([]));
  desk = new FakeDesk();
  answer = null;
});

afterEach(() => {
  hold?.dispose();
  cleanup();
});

async function show(jobs: Job[] = []): Promise<void> {
  const model = new CockpitModel(client, new FakePage());
  const format = new Formatter(trans, 'en');
  actions = new Actions(desk, model, trans, format);
  const services = { model, actions, trans, format };
  desk.frame = content => (
    <ServicesProvider value={services}>{content}</ServicesProvider>
  );
  render(desk.frame(<CockpitView />));
  hold = model.hold();
  await act(async () => {
    await new Promise(resolve => setTimeout(resolve, 5));
    client.snapshot(jobs);
    await new Promise(resolve => setTimeout(resolve, 5));
  });
}

/** Shows the dialog; it is accepted when `done` resolves. */
function accepts(done: () => Promise<void>): void {
  desk.answers = async (options: IDialogOptions<unknown>) => {
    // Not within the click that opened it: what is rendered there is shown when it is over.
    await new Promise(resolve => setTimeout(resolve, 10));
    render(desk.frame(options.view(value => (answer = value))));
    await done();
    await act(() => Promise.resolve());
    return answer;
  };
}

const section = () => screen.getByRole('region', { name: 'Versions' });
const button = (name: string) => screen.getByRole('button', { name });

describe('the section', () => {
  it('says what it is for while it is empty, and has one button', async () => {
    await show();
    within(section()).getByText(/One file describes a ComfyUI/);
    expect(
      within(section())
        .getAllByRole('button')
        .map(each => each.textContent)
    ).toEqual(['Versions', 'New version…']);
  });

  it('folds away, and is a tab with its count', async () => {
    client.versions.has(aVersion('demo'));
    await show();
    expect(screen.getByRole('tab', { name: 'Versions 1' })).toBeDefined();
    await userEvent.click(button('Versions'));
    expect(button('Versions').getAttribute('aria-expanded')).toBe('false');
    await userEvent.click(screen.getByRole('tab', { name: 'Versions 1' }));
    expect(button('Versions').getAttribute('aria-expanded')).toBe('true');
  });
});

describe('a version', () => {
  it('is realized after its plan was seen', async () => {
    client.versions.has(aVersion('demo'));
    client.versions.planned = aVersionPlan(
      [
        { kind: 'commit', subject: 'https://x abc', from: 'network' },
        {
          kind: 'package',
          subject: 'six==1.17.0',
          from: 'network',
          size_bytes: 11_000
        },
        { kind: 'package', subject: 'idna==3.10', from: 'cache' },
        { kind: 'switch', subject: '/home/jo/comfy-demo' }
      ],
      {
        missing: [
          aProblem('offline', { detail: 'X is not here.', hint: 'Bring it.' })
        ]
      }
    );
    await show();
    accepts(async () => {
      expect((await screen.findByText(/4 steps/)).textContent).toBe(
        '4 steps · 11\u00a0kB to fetch'
      );
      expect(screen.getByText('network 1, cache 1 · 11 kB')).toBeDefined();
      expect(screen.getByText('X is not here.')).toBeDefined();
      expect(screen.getByText('Bring it.')).toBeDefined();
    });
    await userEvent.click(button('Realize demo'));
    await vi.waitFor(() => expect(client.calls).toContain('realize demo'));
  });

  it('that is as it should be has nothing to do, said calmly', async () => {
    client.versions.has(aVersion('demo', { state: 'realized' }));
    await show();
    accepts(async () => {
      await screen.findByText(/Nothing to do/);
    });
    await actions.versions.realize('demo');
    expect(client.calls).not.toContain('realize demo');
    expect(
      within(section()).queryByRole('button', { name: /^Realize/ })
    ).toBeNull();
  });

  it('shows its step, and is cancelled', async () => {
    client.versions.has(aVersion('demo'));
    const progress = {
      phase: 'installing',
      current: '84 packages',
      done_steps: 4,
      total_steps: 8
    } as const;
    await show([aRealize('demo', { progress })]);
    const bar = screen.getByRole('progressbar', { name: 'Progress of demo' });
    expect(bar.getAttribute('aria-valuenow')).toBe('50');
    expect(screen.getByText('5 of 8 · 84 packages')).toBeDefined();
    expect(screen.getByText('Installing')).toBeDefined();
    expect(screen.getByRole('status').textContent).toBe('Realizing demo');
    await userEvent.click(button('Cancel demo'));
    expect(client.calls).toContain('cancel realize-demo');
  });

  it('says why it failed in its row alone, and tries again', async () => {
    client.versions.has(aVersion('demo'));
    const problem = aProblem('dependency_conflict', {
      detail: 'Six is two things. It cannot be.'
    });
    await show([aRealize('demo', { state: 'failed', problem })]);
    expect(screen.getAllByText('Six is two things.')).toHaveLength(1);
    await userEvent.click(button('Retry demo'));
    expect(client.calls).toContain('realize demo');
  });

  it('with errors leads to their line', async () => {
    const where = { file: 'versions/a.json', pointer: '', line: 4, column: 2 };
    const differences = [aProblem('declaration_invalid', { where })];
    client.versions.has(aVersion('a', { differences }));
    await show();
    await userEvent.click(button('Fix a'));
    expect(desk.said).toEqual(['open versions/a.json 4 2']);
  });
});

describe('the menu of a version', () => {
  beforeEach(async () => {
    client.versions.has(
      aVersion('demo', { state: 'realized' }),
      aVersion('other')
    );
    await show();
    await userEvent.click(button('More actions for demo'));
  });

  it('rolls back at once, and has the way forward in the message', async () => {
    desk.choose('Roll back');
    await vi.waitFor(() =>
      expect(desk.said).toEqual(['tell demo is back at the build before.'])
    );
    expect(client.calls).toContain('rollback demo');
    desk.action?.run();
    await vi.waitFor(() =>
      expect(client.calls).toContain(
        'realize demo /data/versions/demo.lock.json'
      )
    );
  });

  it('copies the digest, opens the spec, resolves, verifies', async () => {
    desk.choose('Copy lock digest');
    desk.choose('Open spec in the editor');
    desk.choose('Resolve (upgrade)');
    desk.choose('Verify models');
    await vi.waitFor(() =>
      expect(desk.said).toEqual([
        `copy ${'demo'.padEnd(64, '0')}`,
        'open versions/demo.json'
      ])
    );
    expect(client.calls).toContain('resolve demo upgrade');
    expect(client.calls).toContain('verify-models demo');
  });

  it('clones under a name that is free', async () => {
    accepts(async () => {
      const name = screen.getByLabelText('Name of the new version');
      expect((name as HTMLInputElement).value).toBe('demo-2');
      await userEvent.clear(name);
      await userEvent.type(name, 'other');
      expect(answer).toBeNull();
      expect(screen.getByText(/of this name already/)).toBeDefined();
      await userEvent.type(name, '-one');
    });
    desk.choose('Clone…');
    await vi.waitFor(() =>
      expect(client.calls).toContain('clone demo other-one')
    );
  });

  it('compares with another one', async () => {
    client.versions.different = {
      ok: false,
      equal: false,
      differences: [{ pointer: '/python', a: '"3.12"', b: null }]
    };
    accepts(async () => {
      await screen.findByText('/python');
      expect(screen.getByText('"3.12"')).toBeDefined();
      expect(screen.getByText('absent')).toBeDefined();
    });
    await actions.versions.compare('demo');
    expect(client.calls).toContain('diff demo other');
  });

  it('deletes only after saying what goes, what stays, and how many bytes', async () => {
    client.versions.freed = {
      ok: true,
      dry_run: true,
      removed: [{ path: '/home/jo/.comfy-builds/x', freed_bytes: 6e9 }],
      kept: [{ path: '/m', reason: 'Models; --remove-models removes them.' }]
    };
    accepts(async () => {
      await screen.findByText('This goes, and frees 6.0 GB:');
      expect(screen.getByText('models')).toBeDefined();
      expect(client.calls).not.toContain('delete demo');
      await userEvent.click(screen.getByLabelText('the spec and its lock'));
      await vi.waitFor(() =>
        expect(answer).toMatchObject({ remove_spec: true })
      );
    });
    desk.choose('Delete…');
    await vi.waitFor(() => expect(client.calls).toContain('delete demo'));
    expect(client.versions.deleted.at(-1)).toEqual({
      remove_models: false,
      remove_root: false,
      remove_spec: true
    });
    await vi.waitFor(() =>
      expect(desk.said.at(-1)).toBe('tell demo is deleted: 6.0\u00a0GB freed.')
    );
  });
});

describe('New version…', () => {
  it('writes a spec from the form, and opens it', async () => {
    await show();
    accepts(async () => {
      await userEvent.type(screen.getByLabelText('Name'), 'demo');
      await userEvent.type(
        screen.getByLabelText('Custom nodes, one a line'),
        'https://x/node@main'
      );
    });
    await userEvent.click(button('New version…'));
    await vi.waitFor(() =>
      expect(desk.said.at(-1)).toBe('open versions/demo.json')
    );
    expect(client.versions.created[0]).toMatchObject({
      id: 'demo',
      nodes: ['https://x/node@main']
    });
  });
});

describe('Collect garbage…', () => {
  it('says what goes before it does', async () => {
    client.versions.freed = {
      ok: true,
      dry_run: true,
      removed: [{ path: '/cache/git/x', freed_bytes: 3e6 }],
      kept: []
    };
    await show();
    accepts(async () => {
      await screen.findByText('This goes, and frees 3.0 MB:');
      expect(client.calls).not.toContain('gc');
    });
    await actions.versions.collectGarbage();
    expect(client.calls).toContain('gc');
  });

  it('says in its place why it cannot', async () => {
    await show();
    client.versions.collectGarbage = () =>
      Promise.reject<Job>(
        new ProblemError(aProblem('busy', { detail: 'Not now.' }))
      );
    accepts(async () => {
      await screen.findByText('Not now.');
    });
    await actions.versions.collectGarbage();
    expect(answer).toBeNull();
  });
});
