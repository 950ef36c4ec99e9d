import { enginesAtHand, expectClose, useEngine } from '@protomem/engine/testing';
import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { cosFace, dot, imagesOf, naiveCosFace, plainSoftmax, tinyEncoder, trainStep, unit } from '../fixtures/parts.ts';
import { type BaselineOptions, fullSoftmax, partialFc } from './index.ts';

type PartialFcOptions = BaselineOptions<'partial-fc'>;

const options = { identities: 20, dimension: 3, columns: 8, loss: cosFace(), seed: 4 } satisfies PartialFcOptions;
const make = (more: Partial<PartialFcOptions> = {}): ReturnType<typeof partialFc> => partialFc({ ...options, ...more });

type Rows = number[][];
async function rowsOf(head: ReturnType<typeof make>, name: 'weight' | 'velocity'): Promise<Rows> {
  const { data, shape } = (await head.state()).tensors[name]!;
  return Array.from({ length: shape[0]! }, (_, i) => [...data.subarray(i * shape[1]!, (i + 1) * shape[1]!)]);
}

/** The derivative of a sum of losses, by differences in float64. */
function gradientOf(f: (row: number[]) => number, row: number[]): number[] {
  return row.map((_, d) => {
    const at = (step: number): number => f(row.map((v, k) => (k === d ? v + step : v)));
    return (at(1e-7) - at(-1e-7)) / 2e-7;
  });
}

describe.each(await enginesAtHand())('partialFc on %s', (engine) => {
  beforeAll(() => useEngine(engine));

  it('sees and moves the rows of its sample only, by momentum SGD', async () => {
    const [momentum, weightDecay, rate] = [0.8, 0.01, 0.05];
    const head = make({ momentum, weightDecay });
    const labelsOf = (step: number): number[] => [step, 3, 3, (7 * step) % 20];
    let [weight, velocity] = [await rowsOf(head, 'weight'), await rowsOf(head, 'velocity')];
    for (let step = 0; step < 6; step++) {
      const labels = labelsOf(step);
      const x = tf.randomNormal<tf.Rank.R2>([4, 3], 0, 1, 'float32', step);
      const units = x.arraySync().map(unit);
      let losses: number[] = [];
      const gradient = tf.grad((e) => {
        const perSample = head.loss(e as tf.Tensor2D, labels);
        losses = [...perSample.dataSync()];
        return tf.mean(perSample);
      })(x);
      head.afterStep!({ encoder: undefined as never, learningRate: rate });
      tf.dispose([x, gradient]);

      const [newWeight, newVelocity] = [await rowsOf(head, 'weight'), await rowsOf(head, 'velocity')];
      const rows = weight.flatMap((row, id) => (String(row) === String(newWeight[id]) ? [] : [id]));
      expect(rows.length).toBe(8);
      for (const label of labels) expect(rows).toContain(label);
      expect(head.metrics()).toEqual({ identities: 20, columns: 8, positives: new Set(labels).size });

      const lossOf = (w: Rows, i: number): number => {
        const others = rows.filter((id) => id !== labels[i]).map((id) => dot(units[i]!, unit(w[id]!)));
        return naiveCosFace(dot(units[i]!, unit(w[labels[i]!]!)), others);
      };
      const before = weight;
      expectClose(
        losses,
        labels.map((_, i) => lossOf(before, i)),
      );
      for (const id of rows) {
        const meanLoss = (row: number[]): number => {
          const moved = before.with(id, row);
          return labels.reduce((sum, _, i) => sum + lossOf(moved, i) / labels.length, 0);
        };
        const descent = gradientOf(meanLoss, before[id]!).map((g, d) => g + weightDecay * before[id]![d]!);
        const direction = descent.map((g, d) => momentum * velocity[id]![d]! + g);
        expectClose(newVelocity[id]!, direction, 2e-3);
        expectClose(
          newWeight[id]!,
          before[id]!.map((w, d) => w - rate * direction[d]!),
          2e-3,
        );
      }
      newVelocity.forEach((row, id) => {
        if (!rows.includes(id)) expect(row).toEqual(velocity[id]);
      });
      [weight, velocity] = [newWeight, newVelocity];
    }
    head.dispose();
  });

  it('is full softmax with SGD when every column is drawn', async () => {
    const [rate, momentum, weightDecay] = [0.05, 0.9, 1e-3];
    const part = make({ columns: 20, momentum, weightDecay, loss: plainSoftmax() });
    const { columns: _, ...shared } = options;
    const full = fullSoftmax({ ...shared, loss: plainSoftmax() });
    const { variable } = full.parameters[0]!;
    let velocity: tf.Tensor = tf.zeros(variable.shape);
    for (let step = 0; step < 5; step++) {
      const x = tf.randomNormal<tf.Rank.R2>([4, 3], 0, 1, 'float32', step);
      const labels = [step, 2, 2, 19];
      const { grads } = tf.variableGrads(() => tf.mean(full.loss(x, labels)), [variable]);
      velocity = tf.add(tf.mul(velocity, momentum), tf.add(grads[variable.name]!, tf.mul(variable, weightDecay)));
      variable.assign(tf.sub(variable, tf.mul(velocity, rate)));
      tf.grad((e) => tf.mean(part.loss(e as tf.Tensor2D, labels)))(x).dispose();
      part.afterStep!({ encoder: undefined as never, learningRate: rate });
    }
    expectClose((await rowsOf(part, 'weight')).flat(), variable, 1e-5);
    for (const head of [part, full]) head.dispose();
  });

  it('drops a gradient that no step follows', async () => {
    const head = make();
    const x = tf.ones<tf.Rank.R2>([1, 3]);
    const before = await rowsOf(head, 'weight');
    tf.grad((e) => tf.mean(head.loss(e as tf.Tensor2D, [1])))(x).dispose();
    head.loss(x, [2]).dispose();
    head.afterStep!({ encoder: undefined as never, learningRate: 1 });
    expect(await rowsOf(head, 'weight')).toEqual(before);
    tf.dispose(x);
    head.dispose();
  });
});

describe('partialFc', () => {
  it('draws every other class alike, whatever the batch', async () => {
    // One class of a batch at the low end and one at the high end, where drawn numbers are renumbered.
    const head = make({ identities: 12, columns: 5, momentum: 0, weightDecay: 1 });
    const counts = new Int32Array(12);
    const draws = 1200;
    const encoder = tinyEncoder(0);
    const images = imagesOf(2, 0);
    let before = await rowsOf(head, 'weight');
    for (let i = 0; i < draws; i++) {
      trainStep(head, encoder, images, [11, 2], 1e-4);
      const after = await rowsOf(head, 'weight');
      after.forEach((row, id) => {
        if (String(row) !== String(before[id])) counts[id]!++;
      });
      before = after;
    }
    expect([counts[2], counts[11]]).toEqual([draws, draws]);
    // Each of the ten others is drawn in 3 of 10 steps: five standard deviations are 79.
    for (const [id, count] of counts.entries())
      if (id !== 2 && id !== 11) expect(Math.abs(count - 360)).toBeLessThan(80);
    for (const part of [head, encoder]) part.dispose();
    images.dispose();
  });

  it('takes all classes of a batch, also more than its columns', () => {
    const head = make({ columns: 2 });
    head.loss(tf.ones([4, 3]), [5, 6, 7, 8]).dispose();
    expect(head.metrics()).toMatchObject({ columns: 4, positives: 4 });
    head.dispose();
  });

  it('refuses options out of range', () => {
    expect(() => make({ columns: 21 })).toThrow('partialFc: columns is 21, expected an integer in [1, 20].');
    expect(() => make({ momentum: 2 })).toThrow('partialFc: momentum is 2');
    expect(() => make({ weightDecay: -1 })).toThrow('partialFc: weightDecay is -1');
    expect(() => make({ identities: 0 })).toThrow('partialFc: identities is 0');
  });
});
