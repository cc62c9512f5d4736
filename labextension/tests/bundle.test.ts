import { execFile } from 'node:child_process';
import {
  mkdtemp,
  readdir,
  readFile,
  rm,
  symlink,
  writeFile
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';

import { afterAll, beforeAll, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const KIB = 1024;

let folder: string;
/** Of each JavaScript file of a production build: its gzipped bytes. */
const sizes = new Map<string, number>();
const texts = new Map<string, string>();

const run = promisify(execFile);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cockpit-bundle-'));
  const metadata = JSON.parse(
    await readFile(join(ROOT, 'package.json'), 'utf8')
  );
  metadata.jupyterlab.outputDir = 'out';
  await writeFile(join(folder, 'package.json'), JSON.stringify(metadata));
  await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  const library = join(folder, 'labextension', 'lib');
  const modules = join(ROOT, 'node_modules');
  await run(process.execPath, [
    join(modules, 'typescript/bin/tsc'),
    ...['--project', ROOT, '--outDir', library]
  ]);
  await symlink(
    join(ROOT, 'labextension/style'),
    join(folder, 'labextension/style')
  );
  await run(
    process.execPath,
    [
      join(modules, '@jupyter/builder/lib/build-labextension.js'),
      '--core-package-file',
      join(modules, '@jupyterlab/core-meta/core.package.json'),
      '.'
    ],
    { cwd: folder }
  );
  const output = join(folder, 'out/static');
  for (const file of await readdir(output)) {
    if (file.endsWith('.js')) {
      const bytes = await readFile(join(output, file));
      sizes.set(file, gzipSync(bytes).length);
      texts.set(file, bytes.toString());
    }
  }
}, 120_000);

afterAll(() => rm(folder, { recursive: true, force: true }));

/** What the lab reads at its start: the entry, the plugins' module, the style. */
function eager(): string[] {
  return [...texts]
    .filter(
      ([file, text]) =>
        file.startsWith('remoteEntry') ||
        file === 'style.js' ||
        text.includes('is activated!')
    )
    .map(([file]) => file);
}

const sum = (files: Iterable<string>) =>
  [...files].reduce((total, file) => total + (sizes.get(file) ?? 0), 0);

it('costs the start of the lab at most 15 KiB', () => {
  expect(eager()).toHaveLength(3);
  expect(sum(eager())).toBeLessThanOrEqual(15 * KIB);
});

it('is at most 250 KiB in all', () => {
  expect(sum(sizes.keys())).toBeLessThanOrEqual(250 * KIB);
});

it('reads neither React nor MUI before the panel is opened', () => {
  for (const file of eager()) {
    expect(texts.get(file)).not.toMatch(
      /createRoot|LinearProgress|useSyncExternalStore/
    );
  }
});
