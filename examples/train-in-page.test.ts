import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundlePage } from './fixtures/browser/bundle-page.ts';
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
    bytes = await bundlePage(folder, join(docs, 'fixtures/try-page.ts'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('is at most 3 MB without the engine of WebAssembly', () => {
    expect(bytes).toBeLessThan(3e6);
  });

  it('trains 100 steps without a tensor left over', { timeout: 220_000 }, async () => {
    const { found } = await openPage(folder, 'try-page.html?engine=wasm&steps=100', { seconds: 200 });
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
