import { baselines } from '@protomem/baselines';
import { Random } from '@protomem/core';
import { loadEngine } from '@protomem/engine';
import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { makeEncoder, makeHead } from './compose.ts';
import { patchConfig } from './config.ts';
import { resolveRecipe } from './recipes/index.ts';

const tiny = ['encoder.inputSize=16', 'encoder.width=0.125', 'encoder.embeddingSize=8', 'head.size=10'];
const demo = patchConfig(resolveRecipe('demo', {}), tiny);
const labels = [3, 3, 7, 7, 1, 3];

function noise(step: number): tf.Tensor4D {
  const random = new Random(step);
  return tf.tensor4d(
    Float32Array.from({ length: 6 * 16 * 16 * 3 }, () => random.below(256)),
    [6, 16, 16, 3],
  );
}

describe.each(['prototype-memory', ...Object.keys(baselines)])('head %s of a recipe', (kind) => {
  beforeAll(async () => {
    await loadEngine({ prefer: 'auto' });
  });

  it.each(['normalizedSoftmax', 'cosFace', 'arcFace'])('trains with %s', (loss) => {
    const config = patchConfig(demo, [`head.kind=${kind}`, `head.loss={"name":"${loss}","scale":64}`]);
    const encoder = makeEncoder(config);
    const { head } = makeHead(config, 12);
    expect(head.name).toBe(kind);
    for (let step = 0; step < 3; step++) {
      tf.tidy(() => {
        const images = noise(step);
        const { value, grads } = tf.variableGrads(() =>
          tf.mean(head.loss(encoder.apply(images, { training: true, seed: step }), labels, images)),
        );
        expect(Number.isFinite(value.dataSync()[0])).toBe(true);
        for (const gradient of Object.values(grads)) {
          expect(tf.all(tf.isFinite(gradient)).dataSync()[0]).toBe(1);
        }
        head.afterStep?.({ encoder, learningRate: 0.1 });
      });
    }
    head.dispose();
    encoder.dispose();
  });
});
