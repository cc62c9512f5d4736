import { spawn, type ChildProcess } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** A Python that has the wheel, JupyterLab and, for one test, Notebook. */
export const PYTHON = process.env.COCKPIT_PYTHON ?? 'python3';

const READY_MS = 90_000;
const STOP_MS = 15_000;

export interface ILabOptions {
  /** Files below the root, by relative path. */
  files?: Record<string, string>;
  /** With slashes at both ends. */
  baseUrl?: string;
  command?: 'lab' | 'notebook';
  environment?: Record<string, string>;
  /** The lab's language, for example `ja_JP`: ours alone, with a language pack that is otherwise empty. */
  locale?: string;
  /** Without a token: everybody is let in. */
  open?: boolean;
}

/** A real Jupyter server in a folder of its own. */
export class Lab {
  private constructor(
    readonly root: string,
    /** Address of the base URL, with a slash at its end. */
    readonly url: string,
    readonly token: string,
    private readonly _child: ChildProcess,
    private readonly _output: string[]
  ) {}

  static async start(options: ILabOptions = {}): Promise<Lab> {
    const root = await mkdtemp(join(tmpdir(), 'cockpit-ui-'));
    for (const [path, text] of Object.entries(options.files ?? {})) {
      await mkdir(dirname(join(root, path)), { recursive: true });
      await writeFile(join(root, path), text);
    }
    const set = async (extension: string, plugin: string, values: object) => {
      const folder = join(root, '.settings', '@jupyterlab', extension);
      await mkdir(folder, { recursive: true });
      const file = join(folder, `${plugin}.jupyterlab-settings`);
      await writeFile(file, JSON.stringify(values));
    };
    await set('apputils-extension', 'notification', {
      fetchNews: 'false',
      checkForUpdates: false
    });
    if (options.locale) {
      await set('translation-extension', 'plugin', { locale: options.locale });
    }
    const path = options.locale
      ? { PYTHONPATH: await languagePack(root, options.locale) }
      : {};
    const port = await freePort();
    const token = options.open ? '' : 'token-of-the-ui-tests';
    const baseUrl = options.baseUrl ?? '/';
    const child = spawn(
      PYTHON,
      [
        '-m',
        `jupyter${options.command === 'notebook' ? '' : 'lab'}`,
        ...(options.command === 'notebook' ? ['notebook'] : []),
        '--no-browser',
        '--allow-root',
        '--ServerApp.ip=127.0.0.1',
        `--ServerApp.port=${port}`,
        '--ServerApp.port_retries=0',
        `--ServerApp.root_dir=${root}`,
        `--ServerApp.base_url=${baseUrl}`,
        `--IdentityProvider.token=${token}`,
        '--LabApp.expose_app_in_browser=True',
        '--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate'
      ],
      {
        cwd: root,
        env: {
          ...process.env,
          ...options.environment,
          ...path,
          JUPYTER_CONFIG_DIR: join(root, '.jupyter'),
          JUPYTER_RUNTIME_DIR: join(root, '.runtime'),
          JUPYTERLAB_SETTINGS_DIR: join(root, '.settings'),
          JUPYTERLAB_WORKSPACES_DIR: join(root, '.workspaces')
        },
        stdio: ['ignore', 'pipe', 'pipe']
      }
    );
    const output: string[] = [];
    child.stdout?.on('data', (chunk: Buffer) => output.push(chunk.toString()));
    child.stderr?.on('data', (chunk: Buffer) => output.push(chunk.toString()));
    const lab = new Lab(
      root,
      `http://127.0.0.1:${port}${baseUrl}`,
      token,
      child,
      output
    );
    await lab._ready();
    return lab;
  }

  /** The last lines that the server printed. */
  get output(): string {
    return this._output.join('').split('\n').slice(-40).join('\n');
  }

  /** Address of a page, signed in, with nothing left of the page before. */
  page(path = 'lab'): string {
    return `${this.url}${path}?token=${this.token}&reset`;
  }

  async stop(): Promise<void> {
    if (this._child.exitCode === null) {
      const gone = new Promise(resolve => this._child.once('exit', resolve));
      this._child.kill('SIGTERM');
      const late = setTimeout(() => this._child.kill('SIGKILL'), STOP_MS);
      await gone;
      clearTimeout(late);
    }
    await rm(this.root, { recursive: true, force: true });
  }

  private async _ready(): Promise<void> {
    const end = Date.now() + READY_MS;
    while (Date.now() < end) {
      if (this._child.exitCode !== null) {
        throw new Error(`The server ended while it started:\n${this.output}`);
      }
      try {
        const response = await fetch(
          `${this.url}api/status?token=${this.token}`
        );
        if (response.ok) {
          return;
        }
      } catch (error) {
        if (!(error instanceof TypeError)) {
          throw error;
        }
      }
      await new Promise(resolve => setTimeout(resolve, 200));
    }
    throw new Error(`The server was not ready in time:\n${this.output}`);
  }
}

/** The lab offers only languages that a package brings. @returns The folder that has it. */
async function languagePack(root: string, locale: string): Promise<string> {
  const folder = join(root, '.pack');
  const name = `cockpit_test_pack_${locale}`;
  const files = {
    [`${name}/__init__.py`]: '',
    [`${name}-1.dist-info/METADATA`]: `Metadata-Version: 2.1\nName: ${name}\nVersion: 1\n`,
    [`${name}-1.dist-info/entry_points.txt`]: `[jupyterlab.languagepack]\n${locale} = ${name}\n`
  };
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
  return folder;
}

/** A port that was free a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
