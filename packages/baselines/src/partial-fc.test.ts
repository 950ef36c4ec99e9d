import type { State } from '@protomem/core';
import { alone, type Collective } from '@protomem/engine';
import { enginesAtHand, expectClose, ranksInTurn, useEngine } from '@protomem/engine/testing';
import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  cosFace,
  dot,
  imagesOf,
  naiveCosFace,
  plainSoftmax,
  tinyEncoder,
  trainStep,
  unit,
  weighedSoftmax,
} from '../fixtures/parts.ts';
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
    // Of two losses at once: the rows of one would move by the gradient of the other.
    const both = (e: tf.Tensor) =>
      tf.add(tf.mean(head.loss(e as tf.Tensor2D, [1])), tf.mean(head.loss(e as tf.Tensor2D, [2])));
    expect(() => tf.grad(both)(x)).toThrow('a gradient is "of two losses at once"');
    tf.dispose(x);
    head.dispose();
  });
});

/** Steps of a head whose rows are divided among ranks, and what comes of them; `from` a state, if given. */
function stepsOf(
  more: Partial<PartialFcOptions>,
  { steps = [1, 2, 5], from }: { steps?: number[]; from?: State } = {},
) {
  return (collective: Collective) => {
    const head = make({ ...more, sharded: true, collective });
    if (from) head.restore(from);
    const before = head.state() as State;
    const numbers = steps.map((step) =>
      tf.tidy(() => {
        let losses: number[] = [];
        const gradient = tf.grad((x) => {
          const perSample = head.loss(x as tf.Tensor2D, [step, 3, 3, (7 * step) % 20]);
          losses = [...perSample.dataSync()];
          return tf.mean(perSample);
        })(tf.randomNormal<tf.Rank.R2>([4, 3], 0, 1, 'float32', step));
        head.afterStep!({ encoder: undefined as never, learningRate: 0.05 });
        return [...losses, ...gradient.dataSync()];
      }),
    );
    const fresh = tf.ones<tf.Rank.R2>([3, 3]);
    const probed = head.stalenessProbe(fresh, [1, 3, 19]);
    fresh.dispose();
    const common = head.commonState?.() as State | undefined;
    const found = { before, numbers, probed, metrics: head.metrics(), common, state: head.state() as State };
    head.dispose();
    return found;
  };
}

describe.each(await enginesAtHand())('partialFc divided among ranks on %s', (engine) => {
  beforeAll(() => useEngine(engine));

  it.each([
    ['cosFace', cosFace()],
    ['a loss whose logits look at the target', weighedSoftmax],
  ])('is that of one process when every column is drawn: %s', (_, loss) => {
    const [first, ...others] = ranksInTurn(3, stepsOf({ columns: 20, loss }));
    const whole = stepsOf({ columns: 20, loss })(alone);
    expect(first!.before.tensors).toEqual(whole.before.tensors);
    first!.numbers.forEach((numbers, step) => {
      expectClose(numbers, whole.numbers[step]!, 1e-5);
    });
    for (const name of ['weight', 'velocity']) {
      expectClose(first!.state.tensors[name]!.data, whole.state.tensors[name]!.data, 1e-5);
    }
    expect(first!.metrics).toEqual({ identities: 20, columns: 20, positives: 3 });
    for (const other of others) {
      expect([other.numbers, other.probed, other.common]).toEqual([first!.numbers, first!.probed, first!.common]);
      expect(other.state).toEqual(first!.common);
    }
    expect(Object.keys(first!.common!.tensors)).toEqual(['met']);
    expect(whole.common).toBeUndefined();
  });

  it('draws of each rank its part, and goes on from the state on any number of them', () => {
    const [{ before, state, metrics }] = ranksInTurn(2, stepsOf({ columns: 7 }, { steps: [5] })) as [
      ReturnType<ReturnType<typeof stepsOf>>,
    ];
    expect(metrics).toEqual({ identities: 20, columns: 7, positives: 3 });
    const rowOf = (of: State, id: number): number[] => [...of.tensors.weight!.data.subarray(3 * id, 3 * id + 3)];
    const moved = Array.from({ length: 20 }, (_, id) => id).filter(
      (id) => String(rowOf(before, id)) !== String(rowOf(state, id)),
    );
    expect(moved).toEqual(expect.arrayContaining([5, 3, 15]));
    expect([moved.filter((id) => id % 2 === 0).length, moved.length]).toEqual([4, 7]);
    for (const size of [1, 3]) {
      const [again] = ranksInTurn(size, stepsOf({ columns: 20 }, { steps: [], from: state }));
      expect(again!.state).toEqual(state);
    }
  });

  it('refuses a loss without a form, and fewer columns than ranks', () => {
    expect(() => ranksInTurn(2, stepsOf({ loss: plainSoftmax() }))).toThrow(
      'partialFc: the loss on columns divided among 2 ranks is',
    );
    expect(() => ranksInTurn(3, stepsOf({ columns: 2 }))).toThrow('columns is 2, expected at least 3');
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
