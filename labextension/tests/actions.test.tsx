// @vitest-environment jsdom
import { nullTranslator } from '@jupyterlab/translation';
import { cleanup, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import type { ReactElement } from 'react';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { Actions } from '../src/actions';
import { ServicesProvider } from '../src/components/context';
import { Formatter } from '../src/format';
import { CockpitModel } from '../src/model';
import { ProblemError } from '../src/request';
import { VERSION } from '../src/version';
import type { ModelStatus, Plan } from '../src/wire';
import { FakeClient, FakeDesk, FakePage } from './fakes';
import { aCheck, aModel, aPlan, aProblem, aStatus, aStep } from './fixtures';

const trans = nullTranslator.load('test');
const GB = 1_000_000_000;

let client: FakeClient;
let desk: FakeDesk;
let model: CockpitModel;
let actions: Actions;

async function start(models: ModelStatus[]): Promise<void> {
  client = new FakeClient(aStatus(models, [], { models_dir: '/data' }));
  desk = new FakeDesk();
  model = new CockpitModel(client, new FakePage());
  const format = new Formatter(trans, 'en');
  actions = new Actions(desk, model, trans, format);
  const services = { model, actions, trans, format };
  desk.frame = (content: ReactElement) => (
    <ServicesProvider value={services}>{content}</ServicesProvider>
  );
  const hold = model.hold();
  await model.until(state => state.status !== null);
  hold.dispose();
}

afterEach(cleanup);

describe('Install', () => {
  it('shows what would happen before the first byte', async () => {
    await start([aModel('a'), aModel('b', { state: 'installed' })]);
    client.planned = aPlan([aStep('a'), aStep('b', { action: 'present' })]);
    desk.accepts(async () => {
      const said = await screen.findByText(/1 file, 1.0 GB/);
      expect(said.textContent).toBe('1 file, 1.0\u00a0GB · 1 is there already');
      expect(screen.getByText('1.0 GB needed of 100.0 GB free')).toBeDefined();
      expect(client.selections).toEqual([]);
      expect([...model.getState().asked]).toEqual([]);
    });
    await actions.install({ all: true });
    expect(desk.said).toEqual(['ask Plan']);
    expect(client.selections).toEqual([{ all: true }]);
  });

  it('shows the plan when the disk is too small, and installs what is left in it', async () => {
    await start([
      aModel('big', { display_name: 'Big' }),
      aModel('mid', { display_name: 'Mid' }),
      aModel('small', { display_name: 'Small' })
    ]);
    client.planned = aPlan(
      [
        aStep('big', { size_bytes: 20 * GB }),
        aStep('mid', { size_bytes: 6 * GB }),
        aStep('small', { size_bytes: GB })
      ],
      22 * GB
    );
    desk.accepts(async () => {
      expect(await screen.findByText('5.0 GB too little')).toBeDefined();
      expect(screen.getByText(/It fits without Mid/)).toBeDefined();
      await userEvent.click(screen.getByRole('button', { name: 'Leave out' }));
      expect(screen.getByText('1.0 GB left')).toBeDefined();
    });
    await actions.install({ all: true });
    expect(client.selections).toEqual([
      { models: ['big', 'small'], overwrite: undefined }
    ]);
  });

  it('does nothing when the plan is not accepted', async () => {
    await start([aModel('a')]);
    client.planned = aPlan([aStep('a')], 1);
    await actions.install({ models: ['a'] });
    expect(desk.said).toEqual(['ask Plan']);
    expect(client.selections).toEqual([]);
  });

  it('leaves what is blocked alone, and says why it is', async () => {
    await start([aModel('a'), aModel('b', { display_name: 'Gated' })]);
    const problem = aProblem('licence_not_accepted', {
      detail: 'Its licence is not accepted.',
      hint: 'Accept it.',
      link: 'https://huggingface.co/b'
    });
    client.planned = aPlan([
      aStep('a'),
      aStep('b', { action: 'blocked', problem })
    ]);
    desk.accepts(async () => {
      await screen.findByText(/Its licence is not accepted. Accept it./);
      expect(
        screen.getByRole('link', { name: 'Open the licence page' })
      ).toBeDefined();
    });
    await actions.install({ all: true });
    expect(client.selections).toEqual([
      { models: ['a'], overwrite: undefined }
    ]);
  });

  it('may be tried all the same when everything is blocked', async () => {
    await start([aModel('b')]);
    client.planned = aPlan([aStep('b', { action: 'blocked' })]);
    desk.accepts(async () => void (await screen.findByText('b')));
    await actions.install({ models: ['b'] });
    expect(client.selections).toEqual([{ models: ['b'] }]);
  });

  it('cannot be accepted when there is nothing to do', async () => {
    await start([aModel('a')]);
    client.planned = aPlan([aStep('a', { action: 'present' })]);
    desk.accepts(async () => {
      await screen.findByText('Everything is there already.');
    });
    await actions.install({ all: true });
    expect(client.selections).toEqual([]);
  });

  it('says in its place why it could not be made', async () => {
    await start([aModel('a')]);
    client.plan = () =>
      Promise.reject<Plan>(
        new ProblemError(aProblem('connection_failed', { detail: 'No way.' }))
      );
    desk.accepts(async () => {
      await screen.findByText('No way.');
    });
    await actions.install({ all: true });
    expect(client.selections).toEqual([]);
  });
});

describe('the menu of a row', () => {
  const installed = aModel('a', {
    display_name: 'SDXL',
    state: 'installed',
    size_bytes: 6_938_078_334
  });

  beforeEach(async () => {
    await start([installed]);
    const row = { model: installed, row: { kind: 'installed' as const } };
    actions.openRowMenu(row, { x: 0, y: 0 });
  });

  it('removes the file only after saying what is freed', async () => {
    desk.confirms = false;
    desk.choose('Remove file…');
    await vi.waitFor(() =>
      expect(desk.said[0]).toContain(
        'checkpoints/a.safetensors is deleted, which frees 6.9\u00a0GB.'
      )
    );
    expect(client.calls).not.toContain('remove a');
    desk.confirms = true;
    desk.choose('Remove file…');
    await vi.waitFor(() => expect(client.calls).toContain('remove a'));
  });

  it('verifies this model alone', () => {
    desk.choose('Verify');
    expect(client.calls).toContain('verify');
    expect(client.verified).toEqual([{ models: ['a'] }]);
  });

  it('copies the id', () => {
    desk.choose('Copy id');
    expect(desk.said).toEqual(['copy a']);
  });

  it('opens the folder by its path in the file browser', async () => {
    desk.choose('Open folder');
    await vi.waitFor(() =>
      expect(desk.said).toEqual(['folder models/checkpoints'])
    );
  });

  it('opens the page of the hub that models.json names', async () => {
    desk.text = JSON.stringify({
      models: { a: { source: 'hf://stabilityai/sdxl@main/sdxl.safetensors' } }
    });
    desk.choose('Open its page');
    await vi.waitFor(() =>
      expect(desk.said).toEqual([
        'page https://huggingface.co/stabilityai/sdxl/blob/main/sdxl.safetensors'
      ])
    );
  });
});

describe('Add a model', () => {
  it('shows what a link becomes, and writes it with the path and bundle chosen', async () => {
    await start([]);
    client.found = {
      ok: true,
      id: 'sdxl_1',
      written: false,
      model: {
        display_name: 'SDXL',
        type: 'checkpoint',
        path: 'checkpoints/sdxl.safetensors',
        size_bytes: 6_938_078_334,
        sha256: 'ab'.repeat(32)
      },
      choices: [],
      gate: { kind: 'licence', url: 'https://huggingface.co/x', until: null },
      licence: 'openrail++',
      bundle: null
    };
    desk.accepts(async () => {
      await userEvent.type(screen.getByLabelText('Link'), 'https://hf.co/x');
      await screen.findByText('SDXL');
      expect(screen.getByText('checkpoint · 6.9 GB · openrail++'));
      expect(screen.getByRole('link', { name: 'Open the licence page' }));
      const path = screen.getByLabelText('Path');
      await userEvent.clear(path);
      await userEvent.type(path, 'checkpoints/mine.safetensors');
      await userEvent.type(screen.getByLabelText('Bundle'), 'new');
    });
    await actions.add();
    expect(client.declared.at(-1)).toEqual({
      url: 'https://hf.co/x',
      path: 'checkpoints/mine.safetensors',
      bundle: 'new',
      write: true
    });
    expect(desk.said).toContain('tell sdxl_1 is declared in models.json.');
  });

  it('lets one of several files be chosen', async () => {
    await start([]);
    client.found = new ProblemError(
      aProblem('source_ambiguous', {
        args: {
          choices: [
            { filename: 'a.safetensors', size_bytes: GB, source: 'hf://x/y/a' },
            { filename: 'b.safetensors', size_bytes: -1, source: 'hf://x/y/b' }
          ]
        }
      })
    );
    desk.accepts(async () => {
      await userEvent.type(screen.getByLabelText('Link'), 'hf://x/y');
      await userEvent.click(await screen.findByLabelText(/b.safetensors/));
      await vi.waitFor(() =>
        expect(client.declared.at(-1)).toEqual({
          url: 'hf://x/y/b',
          write: false
        })
      );
    });
    await actions.add();
    expect(client.declared.every(request => !request.write)).toBe(true);
  });

  it('says why a link is refused', async () => {
    await start([]);
    client.found = new ProblemError(
      aProblem('file_not_found', { detail: 'No such file.', hint: 'Check it.' })
    );
    desk.accepts(async () => {
      await userEvent.type(screen.getByLabelText('Link'), 'hf://x/y/z');
      await screen.findByText('No such file.');
      expect(screen.getByText('Check it.')).toBeDefined();
    });
    await actions.add();
    expect(desk.answer).toBeNull();
  });
});

describe('Doctor', () => {
  it('shows each check, and copies a report', async () => {
    await start([]);
    client.doctorDocument = {
      ok: false,
      checks: [
        aCheck('java', { detail: '25' }),
        aCheck('disk', {
          state: 'warning',
          detail: '1 GB',
          hint: 'Free some.'
        })
      ]
    };
    desk.accepts(async () => {
      await screen.findByText('Free some.');
      await userEvent.click(
        screen.getByRole('button', { name: 'Copy report' })
      );
    });
    await actions.doctor();
    expect(desk.said.at(-1)).toBe(
      `copy ok      java: 25\nwarning disk: 1 GB\n        Free some.\npage    ${VERSION}, server ${VERSION}`
    );
  });
});
