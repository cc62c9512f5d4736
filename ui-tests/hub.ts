import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

import { PYTHON } from './lab';

const DEMO = new URL('../demo/', import.meta.url);

/** The project's own hub: Hugging Face and Civitai on loopback. */
export class Hub {
  private constructor(
    readonly url: string,
    private readonly _child: ChildProcess
  ) {}

  /** @param rate Bytes a second for each body, as the hub takes it: `15MB`. */
  static async start(rate: string): Promise<Hub> {
    const program = fileURLToPath(new URL('hub', DEMO));
    const child = spawn(PYTHON, [program, '--until-eof', '--rate', rate], {
      stdio: ['pipe', 'pipe', 'inherit']
    });
    const [line] = (await once(
      createInterface({ input: child.stdout }),
      'line'
    )) as [string];
    return new Hub((JSON.parse(line) as { url: string }).url, child);
  }

  /** The demo's folder: its models.json, and settings that point here. */
  async files(): Promise<Record<string, string>> {
    const settings = {
      models_dir: 'models',
      huggingface_endpoint: this.url,
      civitai_base_url: this.url
    };
    return {
      'models.json': await readFile(new URL('models.json', DEMO), 'utf8'),
      'cockpit.json': JSON.stringify(settings)
    };
  }

  async stop(): Promise<void> {
    const gone = once(this._child, 'exit');
    this._child.stdin?.end();
    await gone;
  }
}
