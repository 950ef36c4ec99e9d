import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundlePage } from './fixtures/browser/bundle-page.ts';
import { chromium, openPage } from './fixtures/browser/chromium.ts';

describe.skipIf(!chromium)(`a page with threads${chromium ? '' : ' (no Chromium here)'}`, () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'protomem-threads-'));
    await bundlePage(folder, join(import.meta.dirname, 'fixtures/browser/train.ts'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('trains as one without', { timeout: 300_000 }, async () => {
    const train = (query: string, isolated: boolean) =>
      openPage(folder, `train.html?engine=wasm&${query}`, { isolated, seconds: 120 });
    const [one, two] = [await train('threads=1', false), await train('threads=2', true)];
    expect([one.error, two.error]).toEqual([undefined, undefined]);
    const [alone, shared] = [one.found, two.found] as { engine: object; losses: number[] }[];
    expect(alone!.engine).toMatchObject({ engine: 'wasm', threads: 1 });
    expect(shared!.engine).toMatchObject({ engine: 'wasm', threads: 2 });
    // Sums of norms are added in another order.
    for (const [step, loss] of shared!.losses.slice(0, 10).entries()) {
      expect(loss).toBeCloseTo(alone!.losses[step]!, 2);
    }
  });
});
