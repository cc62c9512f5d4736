import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);

const AUTHOR = {
  GIT_AUTHOR_NAME: 'Test',
  GIT_AUTHOR_EMAIL: 'test@example.org',
  GIT_COMMITTER_NAME: 'Test',
  GIT_COMMITTER_EMAIL: 'test@example.org',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CONFIG_SYSTEM: '/dev/null'
};

/**
 * A git repository with one commit on `main`.
 * @returns Its `file://` address.
 */
export async function repository(
  folder: string,
  files: Record<string, string>
): Promise<string> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
  const git = (...args: string[]) =>
    run('git', args, { cwd: folder, env: { ...process.env, ...AUTHOR } });
  await git('init', '--quiet', '--initial-branch=main');
  await git('add', '--all');
  await git('commit', '--quiet', '--message=first');
  return pathToFileURL(folder).href;
}

/** What looks enough like ComfyUI. */
export const COMFYUI = {
  'main.py': 'print("ComfyUI")\n',
  'requirements.txt': 'six==1.17.0\n',
  'comfy/__init__.py': '',
  'custom_nodes/example_node.py.example': ''
};

export const NODE = {
  '__init__.py': 'NODE_CLASS_MAPPINGS = {}\n',
  'requirements.txt': 'six>=1.16\n'
};
