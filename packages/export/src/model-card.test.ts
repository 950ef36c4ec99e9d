import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { modelCard } from './model-card.ts';
import { readEncoderPlace } from './read-run.ts';

let run: string;
beforeAll(async () => {
  run = await mkdtemp(join(tmpdir(), 'protomem-card-'));
  await mkdir(join(run, 'evaluation', 'lfw'), { recursive: true });
});
afterAll(() => rm(run, { recursive: true }));

/** Strangers tie at the top: the threshold is Infinity, which JSON has null for. */
const threshold = { far: 0.001, threshold: null, interval: [0.5, null], actualFar: 0, negatives: 3000 };
const point = { far: 0.001, reachable: true, threshold: null, tar: 0, interval: [0, 0.1] };
const bins = { edges: [], counts: [] };
const verification = {
  ...{ accuracy: 0.5, standardDeviation: 0, standardError: 0, binomialError: 0, equalErrorRate: 0.5 },
  ...{ areaUnderCurve: 0.5, positives: 3000, negatives: 3000, threshold: null, folds: [], tarAtFar: [point] },
  ...{ roc: { far: [], tar: [] }, scores: { same: bins, different: bins } },
};
const head = { kind: 'own', name: 'cosface', seconds: 1, steps: 1, imagesPerSecond: 1, verification };

async function cardOf(evaluation: object): Promise<string> {
  const config = { recipe: 'few-images', seed: 1, data: { kind: 'own' }, evaluation: {} };
  const heads = [{ ...head, falseMatches: [], falseNonMatches: [], skipped: [] }];
  const metrics = { engine: { engine: 'wasm' }, config, seconds: 1, heads };
  await writeFile(join(run, 'metrics.json'), JSON.stringify(metrics));
  await writeFile(join(run, 'evaluation', 'lfw', 'metrics.json'), JSON.stringify({ kind: 'pairs', ...evaluation }));
  return modelCard({
    card: {
      ...{ name: 'iresnet18', source: 'ours', inputSize: [112, 112], embeddingSize: 512, parameters: 1, macs: 1 },
      normalization: { mean: 127.5, std: 127.5 },
    },
    target: 'safetensors',
    settings: { precision: 'float32', normalize: 'inside', flip: false, opset: 18 },
    agreement: { lowest: 1, mean: 1, images: 5, faces: 'synthetic faces', by: 'ours' },
    run: (await readEncoderPlace(run)).run,
  });
}

describe('modelCard', () => {
  it('says where no threshold is high enough', async () => {
    const card = await cardOf({ protocol: 'lfw', verification, thresholds: [threshold] });
    expect(card).toContain('| 0.001 | no bound | 0.00 % (0.00 % to 10.00 %) |');
    expect(card).toContain('| lfw | 0.001 | no bound (0.5000 to no bound), of 3000 pairs of strangers |');
  });

  it.each([
    [{ thresholds: [{ far: 0.001 }] }, 'thresholds.0.threshold is "missing", expected a number'],
    [{ accuracyInterval: 0.5 }, 'accuracyInterval is 0.5, expected a list'],
    [{ verification: { accuracy: 1 } }, 'verification.positives is "missing", expected a number'],
  ])('refuses %j of an evaluation, and names its file', async (wrong, words) => {
    await expect(cardOf({ protocol: 'lfw', verification, ...wrong })).rejects.toThrow(
      `${join('evaluation', 'lfw', 'metrics.json')}: ${words}`,
    );
  });
});
