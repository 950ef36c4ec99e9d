import { spawnSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';

const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;

// Inside the package, so that the block finds what it imports.
let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(fileURLToPath(new URL('../.readme-', import.meta.url)));
});
afterEach(() => rm(directory, { recursive: true }));

it("the README's block runs, and a second time resumes", async () => {
  const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8');
  await writeFile(join(directory, 'block.mts'), /```ts\n(.*?)```/s.exec(readme)![1]!);
  const run = () =>
    spawnSync(process.execPath, ['--conditions', '@protomem/source', '--import', tsx, 'block.mts'], {
      cwd: directory,
      encoding: 'utf8',
    });
  const first = run();
  expect(first.stdout, first.stderr).toBe('done after 100 steps\n');
  expect(first.stderr).toMatch(/step 100\/100 {2}epoch 100\.0 {2}loss 0\.0/);
  expect(await readdir(join(directory, 'run', 'checkpoints'))).toHaveLength(2);
  expect(run().stdout).toBe('done after 100 steps\n');
});
