// @vitest-environment jsdom
import { nullTranslator } from '@jupyterlab/translation';
import { act, cleanup, render, screen, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { afterEach, describe, expect, it, vi } from 'vitest';

import { Actions } from '../src/actions';
import { CockpitView } from '../src/components/CockpitView';
import { ServicesProvider } from '../src/components/context';
import { Formatter } from '../src/format';
import { CockpitModel } from '../src/model';
import { AnswerError } from '../src/request';
import type { Job } from '../src/wire';
import { FakeClient, FakeDesk, FakePage } from './fakes';
import {
  aBundle,
  aFetch,
  aJob,
  aModel,
  aPlan,
  aProblem,
  aStatus,
  aStep
} from './fixtures';

const trans = nullTranslator.load('test');

async function show(
  client: FakeClient,
  jobs: Job[] = [],
  desk = new FakeDesk()
) {
  const model = new CockpitModel(client, new FakePage());
  const format = new Formatter(trans, 'en');
  const actions = new Actions(desk, model, trans, format);
  const services = { model, actions, trans, format };
  desk.frame = content => (
    <ServicesProvider value={services}>{content}</ServicesProvider>
  );
  render(desk.frame(<CockpitView />));
  const hold = model.hold();
  opened.push(hold);
  await act(async () => {
    await new Promise(resolve => setTimeout(resolve, 5));
    if (!client.failure && client.serverDocument.state === 'ready') {
      client.snapshot(jobs);
      await new Promise(resolve => setTimeout(resolve, 5));
    }
  });
  return model;
}

/** Somebody who sees that a model is fetched, looks, and accepts. */
function planning(client: FakeClient, id: string, look = () => {}): FakeDesk {
  client.planned = aPlan([aStep(id)]);
  const desk = new FakeDesk();
  desk.accepts(async () => {
    await screen.findByText(/1 file, 1.0.GB/);
    look();
  });
  return desk;
}

const opened: { dispose(): void }[] = [];

afterEach(() => {
  opened.splice(0).forEach(hold => hold.dispose());
  cleanup();
});

describe('models', () => {
  it('are installed by the button of their row, when its plan is accepted', async () => {
    const client = new FakeClient(
      aStatus([aModel('a', { display_name: 'SDXL' })])
    );
    const desk = planning(client, 'a');
    await show(client, [], desk);
    await userEvent.click(screen.getByRole('button', { name: 'Install SDXL' }));
    await vi.waitFor(() =>
      expect(client.selections).toEqual([{ models: ['a'] }])
    );
    const models = screen.getByRole('region', { name: 'Models' });
    expect(within(models).getByText('Queued')).toBeDefined();
  });

  it('show how far, how fast and how long, and can be cancelled', async () => {
    const client = new FakeClient(
      aStatus([aModel('a', { display_name: 'SDXL' })])
    );
    await show(client, [
      aJob('install', { subjects: ['a'] }),
      aFetch('f', 'a', {
        progress: {
          done_bytes: 340_000_000,
          total_bytes: 1_000_000_000,
          bytes_per_second: 38_000_000,
          seconds_left: 240
        }
      })
    ]);
    const bar = screen.getByRole('progressbar', { name: 'Progress of SDXL' });
    expect(bar.getAttribute('aria-valuenow')).toBe('34');
    expect(screen.getByText('34%')).toBeDefined();
    expect(screen.getByText('38.0 MB/s · 4 min left')).toBeDefined();
    await userEvent.click(screen.getByRole('button', { name: 'Cancel SDXL' }));
    expect(client.calls).toContain('cancel f');
    expect(screen.getByText('Cancelling')).toBeDefined();
  });

  it('that failed say why; what to do is one click away', async () => {
    const problem = aProblem('licence_not_accepted', {
      detail: 'The licence of v1.5 is not accepted. The account is “x”.',
      hint: 'Accept it on its page.',
      link: 'https://huggingface.co/m'
    });
    await show(new FakeClient(aStatus([aModel('a', { problem })])));
    expect(
      screen.getByText('The licence of v1.5 is not accepted.')
    ).toBeDefined();
    expect(screen.queryByText('Accept it on its page.')).toBeNull();
    await userEvent.click(screen.getByRole('button', { name: 'Details' }));
    expect(screen.getByText('Accept it on its page.')).toBeDefined();
    const link = screen.getByRole('link', { name: 'Open the licence page' });
    expect(link.getAttribute('href')).toBe('https://huggingface.co/m');
    expect(screen.getByRole('button', { name: 'Retry a' })).toBeDefined();
  });

  it('never make a link of an address that is not one of a page', async () => {
    const problem = aProblem('access_denied', { link: 'javascript:alert(1)' });
    await show(new FakeClient(aStatus([aModel('a', { problem })])));
    await userEvent.click(screen.getByRole('button', { name: 'Details' }));
    expect(screen.queryByRole('link')).toBeNull();
  });

  it('whose file differs are replaced only after the question', async () => {
    const client = new FakeClient(aStatus([aModel('a', { state: 'invalid' })]));
    const desk = planning(client, 'a', () => {
      screen.getByText(
        'The file checkpoints/a.safetensors is replaced by the declared one.'
      );
      expect(client.selections).toEqual([]);
    });
    await show(client, [], desk);
    await userEvent.click(screen.getByRole('button', { name: 'Replace a' }));
    await vi.waitFor(() =>
      expect(client.selections).toEqual([{ models: ['a'], overwrite: true }])
    );
    expect(desk.said).toEqual(['ask Replace the file?']);
  });

  it('that can run code are marked', async () => {
    await show(
      new FakeClient(
        aStatus([aModel('a', { executes_code: true }), aModel('b')])
      )
    );
    expect(screen.getAllByText('runs code')).toHaveLength(1);
  });
});

describe('bundles', () => {
  it('are installed by their one button', async () => {
    const client = new FakeClient(
      aStatus([aModel('a')], [aBundle('basic', ['a'])])
    );
    await show(client, [], planning(client, 'a'));
    const bundles = screen.getByRole('region', { name: 'Bundles' });
    await userEvent.click(
      within(bundles).getByRole('button', { name: 'Install bundle basic' })
    );
    await vi.waitFor(() =>
      expect(client.selections).toEqual([{ bundles: ['basic'] }])
    );
  });
});

describe('the head', () => {
  it.each([
    [
      'All 2 models installed',
      [aModel('a', { state: 'installed' }), aModel('b', { state: 'installed' })]
    ],
    [
      '1 of 2 models missing',
      [aModel('a', { state: 'installed' }), aModel('b')]
    ],
    [
      '1 model failed',
      [aModel('a', { problem: aProblem('stalled') }), aModel('b')]
    ],
    ['1 file differs from models.json', [aModel('a', { state: 'invalid' })]],
    ['No models declared', []]
  ])('says "%s"', async (text, models) => {
    await show(new FakeClient(aStatus(models)));
    expect(screen.getByRole('status').textContent).toBe(text);
  });

  it('says what runs, and leaves the numbers that change all the time unannounced', async () => {
    await show(new FakeClient(aStatus([aModel('a'), aModel('b')])), [
      aJob('install', {
        subjects: ['a', 'b'],
        progress: {
          done_steps: 1,
          total_steps: 2,
          bytes_per_second: 5_000_000,
          seconds_left: 30
        }
      })
    ]);
    expect(screen.getByRole('status').textContent).toBe('Installing 2 of 2');
    expect(screen.getByText('5.0 MB/s · 30 s left')).toBeDefined();
  });
});

describe('a wrong models.json', () => {
  it('shows all errors with their lines beside the last good models, and installs nothing', async () => {
    const where = {
      file: 'models.json',
      pointer: '/models',
      line: 12,
      column: 3
    };
    const errors = [
      aProblem('declaration_invalid', {
        detail: 'Unknown key.',
        hint: 'Did you mean?',
        where
      }),
      aProblem('declaration_invalid', { detail: 'Two models, one path.' })
    ];
    const desk = new FakeDesk();
    const declaration = {
      file: 'models.json',
      state: 'invalid' as const,
      errors
    };
    await show(
      new FakeClient(aStatus([aModel('a')], [], { declaration })),
      [],
      desk
    );
    expect(screen.getByRole('status').textContent).toBe(
      '2 errors in models.json'
    );
    expect(screen.getByText('Two models, one path.')).toBeDefined();
    expect(screen.getByText('Did you mean?')).toBeDefined();
    expect(screen.queryByRole('button', { name: 'Install a' })).toBeNull();
    await userEvent.click(
      screen.getByRole('button', { name: 'Open models.json' })
    );
    await userEvent.click(
      screen.getByRole('button', { name: 'Go to line 12' })
    );
    expect(desk.said).toEqual(['open models.json', 'open models.json 12 3']);
  });
});

describe('the connection', () => {
  it('says what to do when the server part is missing', async () => {
    const client = new FakeClient(aStatus([]));
    client.failure = new AnswerError('absent', '404');
    await show(client);
    expect(screen.getByText('jupyter server extension list')).toBeDefined();
    expect(screen.getByRole('button', { name: 'Look again' })).toBeDefined();
  });

  it('shows the log of a daemon that failed, and restarts it', async () => {
    const client = new FakeClient(aStatus([aModel('a')]));
    client.says('failed', 'It ended.', ['boom']);
    await show(client);
    expect(screen.getByText('boom')).toBeDefined();
    await userEvent.click(screen.getByRole('button', { name: 'Restart' }));
    expect(client.calls).toContain('restart');
  });

  it('warns when the server asks for no token, until that is read', async () => {
    const client = new FakeClient(aStatus([]));
    client.serverDocument = { ...client.serverDocument, authentication: false };
    await show(client);
    await userEvent.click(screen.getByRole('button', { name: 'Dismiss' }));
    expect(screen.queryByText(/asks for no token/)).toBeNull();
  });
});

describe('the queue', () => {
  it('shows one line a job, its log on opening, and cancels it', async () => {
    const client = new FakeClient(
      aStatus([aModel('a', { display_name: 'SDXL' })])
    );
    await show(client, [aJob('install', { subjects: ['a'] })]);
    await userEvent.click(
      screen.getByRole('button', { name: 'Log of Install SDXL' })
    );
    expect(await screen.findByText('first line')).toBeDefined();
    await userEvent.click(
      screen.getByRole('button', { name: 'Cancel Install SDXL' })
    );
    expect(client.calls).toContain('cancel install');
  });
});
