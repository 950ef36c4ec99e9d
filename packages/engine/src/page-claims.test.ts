import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { expect, it } from 'vitest';

const require = createRequire(import.meta.url);
const tsx = pathToFileURL(require.resolve('tsx')).href;

it("the README's block on kernels runs, with nothing of this package but them", async () => {
  const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8');
  const block = [...readme.matchAll(/```ts\n(.*?)```/gs)]
    .map(([, text]) => text!)
    .find((text) => /engine\/kernels/.test(text));
  // Inside the package, so that the block finds what it imports.
  const directory = await mkdtemp(fileURLToPath(new URL('../.readme-', import.meta.url)));
  try {
    await writeFile(join(directory, 'block.mts'), block!);
    const { stdout, stderr } = spawnSync(
      process.execPath,
      ['--conditions', '@protomem/source', '--import', tsx, 'block.mts'],
      { cwd: directory, encoding: 'utf8' },
    );
    const [loss, gradients] = stdout.trim().split(' ').map(Number);
    expect(loss, stderr).toBeGreaterThan(0.4);
    expect(loss).toBeLessThan(0.65);
    expect(gradients).toBe(3);
  } finally {
    await rm(directory, { recursive: true });
  }
});
