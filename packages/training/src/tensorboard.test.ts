import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Logger } from './logger.ts';
import { tensorboardLogger } from './tensorboard-logger.ts';
import { curveValue, histogramValue, imageValue, scalarValue } from './tensorboard-values.ts';

const python = process.env.PROTOMEM_PYTHON ?? 'python3';
const hasTensorboard = spawnSync(python, ['-c', 'import tensorboard']).status === 0;
if (!hasTensorboard) console.log(`skipped: ${python} has no tensorboard (PROTOMEM_PYTHON names another Python)`);

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const pairs = { scores: [0.9, 0.505, -0.25, 0.1, -0.995, 0.5], labels: [1, 1, 1, 0, 0, 0] };
/** A PNG of one pixel. */
const dot = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);

describe("a summary's bytes", () => {
  it("are those of tensorboard's own protocol buffers", async () => {
    const golden = JSON.parse(await readFile(new URL('../fixtures/tensorboard.json', import.meta.url), 'utf8'));
    const content = Uint8Array.from({ length: 200 }, (_, i) => i);
    expect(hex(scalarValue('train/loss', 0.25))).toBe(golden.scalar);
    expect(hex(imageValue('batch/faces', { bytes: content, width: 2, height: 300 }))).toBe(golden.image);
    expect(hex(histogramValue('memory/ages', { values: [1, 2, 2, 4, 31] }))).toBe(golden.histogram);
    expect(hex(histogramValue('memory/ages', { values: [1, 2, 4, 31], counts: [1, 2, 1, 1] }))).toBe(golden.histogram);
    expect(hex(histogramValue('memory/ages', { values: [1, Number.NaN, 2, 2, 4, 31] }))).toBe(golden.histogram);
    expect(hex(curveValue('evaluation/pairs', pairs))).toBe(golden.curve);
  });

  it('are none where there is nothing to count', () => {
    expect(histogramValue('a', { values: [] })).toHaveLength(0);
    expect(histogramValue('a', { values: [Number.NaN, Number.POSITIVE_INFINITY] })).toHaveLength(0);
    expect(histogramValue('a', { values: [1], counts: [0] })).toHaveLength(0);
  });
});

describe('tensorboardLogger', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'protomem-tensorboard-'));
  });
  afterEach(() => rm(directory, { recursive: true }));

  it.skipIf(!hasTensorboard)(
    'is read by tensorboard: scalars, histograms, images and curves',
    async () => {
      const logger: Logger = tensorboardLogger(directory);
      await logger.start?.({ step: 0, steps: 10, batchSize: 1, batchesPerEpoch: 10 });
      logger.log({ 'train/loss': 0.25 }, 1);
      logger.histograms?.({ 'memory/ages': { values: [0, 0, 1, 7] }, 'memory/same': { values: [3, 3] } }, 2);
      logger.images?.({ 'batch/faces': { bytes: dot, width: 1, height: 1 } }, 3);
      logger.curves?.({ 'evaluation/pairs': pairs }, 4);
      await logger.close();
      const script = `
import json, sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
from tensorboard.util import tensor_util
import glob
a = EventAccumulator(sys.argv[1], size_guidance={"tensors": 0, "histograms": 0, "images": 0}); a.Reload()
found = {}
for event in EventFileLoader(glob.glob(sys.argv[1] + "/*")[0]).Load():
    for value in event.summary.value:
        array = tensor_util.make_ndarray(value.tensor)
        found[value.tag] = [event.step, value.metadata.plugin_data.plugin_name, list(array.shape), str(array.dtype),
                            array.astype(float).tolist() if array.dtype.kind == "f" else None]
print(json.dumps({"tags": [tag for kind in ("scalars", "histograms", "images", "tensors") for tag in a.Tags()[kind]], "found": found}))
`;
      const { stdout, stderr, status } = spawnSync(python, ['-c', script, directory], { encoding: 'utf8' });
      expect(status, stderr).toBe(0);
      const { tags, found } = JSON.parse(stdout.trim().split('\n').at(-1)!);
      expect(tags.sort()).toEqual(['batch/faces', 'evaluation/pairs', 'memory/ages', 'memory/same', 'train/loss']);
      expect(found['train/loss']).toEqual([1, 'scalars', [], 'float32', 0.25]);
      expect(found['memory/ages'].slice(0, 3)).toEqual([2, 'histograms', [30, 3]]);
      const buckets = found['memory/ages'][4] as [number, number, number][];
      expect(buckets[0]![0]).toBe(0);
      expect(buckets.at(-1)![1]).toBe(7);
      expect(buckets.reduce((sum, [, , count]) => sum + count, 0)).toBe(4);
      expect(found['memory/same'][4].reduce((sum: number, [, , count]: number[]) => sum + count!, 0)).toBe(2);
      expect(found['batch/faces'].slice(0, 3)).toEqual([3, 'images', [3]]);
      expect(found['evaluation/pairs'].slice(0, 3)).toEqual([4, 'pr_curves', [6, 201]]);
      expect(found['evaluation/pairs'][4][0][0]).toBe(3);
    },
    60_000,
  );
});
