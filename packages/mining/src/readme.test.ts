import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';

const require = createRequire(import.meta.url);
const tsx = pathToFileURL(require.resolve('tsx')).href;

// Inside the package, so that the blocks find what they import.
let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(fileURLToPath(new URL('../.readme-', import.meta.url)));
});
afterEach(() => rm(directory, { recursive: true }));

it("the README's blocks print what their comments say", async () => {
  const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8');
  const blocks = [...readme.matchAll(/```ts\n(.*?)```/gs)].map((match) => match[1]!);
  expect(blocks).toHaveLength(2);
  for (const block of blocks) {
    await writeFile(join(directory, 'block.mts'), block);
    const { stdout, stderr } = spawnSync(
      process.execPath,
      ['--conditions', '@protomem/source', '--import', tsx, 'block.mts'],
      { cwd: directory, encoding: 'utf8' },
    );
    const said = [...block.matchAll(/^console\.log\(.*\); \/\/ (.*)$/gm)].map((match) => match[1]!);
    expect(stdout.trim().split('\n'), stderr).toEqual(said);
    expect(said.length).toBeGreaterThan(0);
  }
});
