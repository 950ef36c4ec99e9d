import { copyFile, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chromium, openPage } from './fixtures/browser/chromium.ts';

const docs = join(import.meta.dirname, '../apps/docs');

/** What `apps/docs/fixtures/try-page.ts` has found. */
interface Found {
  readonly losses: number[];
  readonly tensors: number[];
  readonly failures: string[];
  /** Share of each canvas that is painted. */
  readonly inks: number[];
  readonly said: string;
}

// Chromium comes with no package: PROTOMEM_CHROMIUM names it where it is no system's.
describe.skipIf(!chromium)(`the page that trains${chromium ? '' : ' (no Chromium here)'}`, () => {
  let folder: string;
  let bytes: number;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'protomem-page-'));
    const { outputFiles } = await build({
      entryPoints: [join(docs, 'fixtures/try-page.ts')],
      ...{ bundle: true, minify: true, format: 'esm', write: false, conditions: ['@protomem/source'] },
    });
    bytes = outputFiles[0]!.contents.length;
    await writeFile(join(folder, 'page.js'), outputFiles[0]!.contents);
    await writeFile(join(folder, 'page.html'), '<!doctype html><body><script type="module" src="page.js"></script>');
    const wasm = dirname(createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm'));
    for (const name of await readdir(wasm))
      if (name.endsWith('.wasm')) await copyFile(join(wasm, name), join(folder, name));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('is at most 3 MB without the engine of WebAssembly', () => {
    expect(bytes).toBeLessThan(3e6);
  });

  it('trains 100 steps without a tensor left over', { timeout: 220_000 }, async () => {
    const { found } = await openPage(folder, 'page.html?engine=wasm&steps=100', { seconds: 200 });
    const { losses, tensors, failures, inks, said } = found as unknown as Found;
    expect(failures).toEqual([]);
    expect(losses).toHaveLength(100);
    expect(losses.every(Number.isFinite)).toBe(true);
    const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
    expect(mean(losses.slice(-20))).toBeLessThan(0.8 * mean(losses.slice(0, 20)));
    // The optimizer's buffers come with the first step.
    expect(new Set(tensors.slice(2)).size).toBe(1);
    expect(said).toMatch(/^wasm: step 100 of 100, loss \d.*; done\.$/);
    expect(inks.every((share) => share > 0.01)).toBe(true);
  });
});
