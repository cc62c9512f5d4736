// @vitest-environment jsdom
import { nullTranslator } from '@jupyterlab/translation';
import { act, cleanup, render, screen, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { Actions } from '../src/actions';
import { CockpitView } from '../src/components/CockpitView';
import { ServicesProvider } from '../src/components/context';
import { Formatter } from '../src/format';
import { CockpitModel } from '../src/model';
import { ProblemError } from '../src/request';
import { bundleName, groupsOf, openModels } from '../src/workflow';
import { FakeClient, FakeDesk, FakePage } from './fakes';
import {
  aFile,
  aModel,
  aPlan,
  aProblem,
  aStatus,
  aStep,
  aTemplate,
  named
} from './fixtures';

const trans = nullTranslator.load('test');

const MISSING = aFile('flux.safetensors', {
  folder: 'diffusion_models',
  node_type: 'UNETLoader',
  node_id: '12',
  link: 'https://hub.example/flux.safetensors',
  declaration: { size_bytes: 23_000_000_000 }
});
const LOST = aFile('style.safetensors', { folder: 'loras' });
const INSTALLED = aFile('ae.safetensors', { state: 'installed' });
const DECLARED = { ...MISSING, state: 'declared' as const, model_id: 'flux' };

let client: FakeClient;
let desk: FakeDesk;
let model: CockpitModel;
let actions: Actions;
let answer: unknown;
let hold: { dispose(): void };

beforeEach(async () => {
  client = new FakeClient(aStatus([aModel('flux')]));
  desk = new FakeDesk();
  model = new CockpitModel(client, new FakePage());
  const format = new Formatter(trans, 'ja_JP');
  actions = new Actions(desk, model, trans, format);
  const services = { model, actions, trans, format };
  desk.frame = content => (
    <ServicesProvider value={services}>{content}</ServicesProvider>
  );
  hold = model.hold();
  await model.until(state => state.status !== null);
  answer = null;
});

afterEach(() => {
  hold.dispose();
  cleanup();
});

/** The first dialog is looked at and accepted; the next ones are cancelled. */
function accepts(done: () => Promise<void>): void {
  let first = true;
  desk.answers = async options => {
    if (!first) {
      return null;
    }
    first = false;
    render(desk.frame(options.view(value => (answer = value))));
    await act(() => Promise.resolve());
    await done();
    return answer;
  };
}

describe('A workflow', () => {
  it('shows each file once, grouped by state, with its nodes', () => {
    const again = { ...MISSING, node_id: '40' };
    const groups = groupsOf(named([INSTALLED, MISSING, again, LOST]));
    expect(groups.map(group => group.state)).toEqual(['missing', 'installed']);
    expect(groups[0]?.files.map(file => file.nodes)).toEqual([
      ['UNETLoader #12', 'UNETLoader #40'],
      ['CheckpointLoaderSimple #1']
    ]);
  });

  it('is declared, and then planned before a byte is fetched', async () => {
    client.named = named([MISSING, LOST, INSTALLED]);
    client.declaredAfter = named([DECLARED, LOST, INSTALLED]);
    client.planned = aPlan([aStep('flux')]);
    accepts(async () => {
      const missing = screen.getByRole('region', { name: 'Missing' });
      within(missing).getByText('flux.safetensors');
      within(missing).getByText(/diffusion_models · UNETLoader #12/);
      within(missing).getByText(/does not say where it comes from/);
      screen.getByText(/3 model files · 23.0/);
    });
    await actions.fromWorkflow(['workflows/my flux.json']);
    expect(client.workflows).toEqual([
      { files: ['workflows/my flux.json'], write: false },
      {
        files: ['workflows/my flux.json'],
        bundle: 'my_flux',
        write: true
      }
    ]);
    expect(desk.said).toEqual(['ask Models of a workflow', 'ask Plan']);
    expect(client.selections).toEqual([]);
  });

  it('of this computer is sent as it is', async () => {
    client.named = named([MISSING]);
    client.declaredAfter = named([DECLARED]);
    accepts(async () => {
      const file = new File(['{}'], 'own.json', { type: 'application/json' });
      const input = screen.getByLabelText('From this computer…', {
        selector: 'input'
      });
      await userEvent.upload(input, file);
      await screen.findByText('flux.safetensors');
    });
    await actions.fromWorkflow();
    expect(client.workflows[1]).toEqual({
      workflows: [{ name: 'own.json', base64: 'e30=' }],
      bundle: 'own',
      write: true
    });
  });

  it('that is none says so in its dialog, which cannot be accepted', async () => {
    client.named = new ProblemError(
      aProblem('bad_request', { detail: 'a.json: it holds no workflow.' })
    );
    accepts(async () => {
      screen.getByText('a.json: it holds no workflow.');
    });
    await actions.fromWorkflow(['a.json']);
    expect(answer).toBeNull();
    expect(model.getState().refusal).toBeNull();
  });

  it('with everything installed needs nothing', async () => {
    client.named = named(
      [INSTALLED],
      [
        {
          workflow: 'flux.json',
          node_id: '7',
          node_type: 'Strange',
          name: 'x.pt'
        }
      ]
    );
    accepts(async () => {
      screen.getByText('Everything is there already.');
      screen.getByText('1 node of an unknown kind names a file');
    });
    await actions.fromWorkflow(['a.png']);
    expect(answer).toBeNull();
  });

  it('names its bundle, and what is still to install', () => {
    expect(bundleName('a/b c/My Flow.v2.json')).toBe('My_Flow.v2');
    expect(openModels(named([DECLARED, DECLARED, INSTALLED]))).toEqual([
      'flux'
    ]);
  });
});

describe('Official templates', () => {
  async function showTemplates(): Promise<void> {
    render(desk.frame(<CockpitView />));
    await act(async () => {
      model.show('templates');
      await new Promise(resolve => setTimeout(resolve, 5));
    });
  }

  it('are listed in the language of the lab, searched, and made a bundle of by one click', async () => {
    client.templatesDocument = {
      ok: true,
      source: '/somewhere',
      templates: [
        aTemplate('flux_dev', { title: 'Flux Dev' }),
        aTemplate('sdxl', {
          title: 'SDXL',
          category: 'Basics',
          missing_bytes: 400_000_000
        }),
        aTemplate('done', { title: 'Done', missing_bytes: 0 }),
        aTemplate('api', { title: 'Remote', size_bytes: 0, missing_bytes: 0 })
      ]
    };
    client.declaredAfter = named([DECLARED]);
    await showTemplates();
    expect(client.calls).toContain('templates ja_JP');
    const list = screen.getByRole('list', { name: 'Official templates' });
    expect(within(list).getAllByRole('listitem')).toHaveLength(4);
    screen.getByText(/Basics · 1.0.GB · 600.0.MB of it here/);
    screen.getByText('Image · no model files listed');
    screen.getByText('Installed');
    await userEvent.type(screen.getByRole('searchbox'), 'dev flux');
    expect(within(list).getAllByRole('listitem')).toHaveLength(1);
    await userEvent.click(
      screen.getByRole('button', { name: 'Install Flux Dev' })
    );
    expect(client.templatesAsked).toEqual([
      { name: 'flux_dev', bundle: 'flux_dev', write: true }
    ]);
    expect(desk.said).toEqual(['ask Plan']);
  });

  it('say what to install where the package is not there', async () => {
    await showTemplates();
    screen.getByText('pip install comfyui-workflow-templates-json');
    await userEvent.click(
      screen.getByRole('button', { name: 'Back to the models' })
    );
    screen.getByRole('region', { name: 'Models' });
  });
});

describe('The first run', () => {
  it('offers every way to a first model', async () => {
    client.status = aStatus([], [], {
      declaration: { file: 'models.json', state: 'missing', errors: [] }
    });
    model.reconnect();
    await model.until(state => state.status?.models.length === 0);
    render(desk.frame(<CockpitView />));
    await userEvent.click(
      screen.getByRole('button', { name: 'Write it yourself' })
    );
    expect(desk.said).toEqual(['make models.json 36', 'open models.json']);
    await userEvent.click(
      screen.getByRole('button', { name: 'From a workflow…' })
    );
    expect(desk.said).toContain('ask Models of a workflow');
    await userEvent.click(
      screen.getByRole('button', { name: 'From a template…' })
    );
    screen.getByRole('region', { name: 'Official templates' });
  });
});
