import type { Parameter } from '@protomem/core/contracts';
import { enginesAtHand, useEngine } from '@protomem/engine/testing';
import * as tf from '@tensorflow/tfjs';
import { beforeEach, describe, expect, it } from 'vitest';
import golden from '../fixtures/golden.json' with { type: 'json' };
import { adamW } from './adam-w.ts';
import { clipByGlobalNorm, globalNorm } from './clip.ts';
import type { Optimizer } from './optimizer.ts';
import { createOptimizer } from './optimizers.ts';
import { sgd } from './sgd.ts';

/** Every optimizer, with options, under the name that scripts/golden.py gives it. */
const table: Record<keyof typeof golden.optimizers, () => Optimizer> = {
  sgd: () => sgd(),
  'sgd nesterov': () => sgd({ weightDecay: 5e-2, nesterov: true }),
  'sgd plain': () => sgd({ momentum: 0, weightDecay: 5e-2 }),
  adamW: () => adamW(),
  'adamW other': () => adamW({ beta1: 0.5, beta2: 0.9, epsilon: 1e-3, weightDecay: 0.3 }),
};

/** As in scripts/golden.py. */
function sequence(count: number, salt: number): number[] {
  return Array.from({ length: count }, (_, i) => (((i * 37 + salt * 101) % 64) - 32) / 64);
}

function parameter(name: string, values: number[], shape: number[], decay: boolean): Parameter {
  return { name, variable: tf.tidy(() => tf.variable(tf.tensor(values, shape))), trainable: true, decay };
}

function twoParameters(): Parameter[] {
  return [parameter('weight', sequence(6, 1), [2, 3], true), parameter('scale', sequence(3, 2), [3], false)];
}

function stepOnce(optimizer: Optimizer, parameters: readonly Parameter[], step: number): void {
  tf.tidy(() => {
    const gradients = { weight: tf.tensor(sequence(6, 10 + step), [2, 3]), scale: tf.tensor1d(sequence(3, 20 + step)) };
    optimizer.step(parameters, gradients, 0.1 / (step + 1));
  });
}

function valuesOf(parameters: readonly Parameter[]): number[][] {
  return parameters.map(({ variable }) => Array.from(variable.dataSync()));
}

describe.each(await enginesAtHand())('optimizers on %s', (engine) => {
  beforeEach(() => useEngine(engine));

  describe.each(Object.keys(table) as (keyof typeof table)[])('%s', (name) => {
    it("has PyTorch's arithmetic", () => {
      const parameters = twoParameters();
      const optimizer = table[name]();
      for (let step = 0; step < 6; step++) stepOnce(optimizer, parameters, step);
      for (const [i, values] of valuesOf(parameters).entries()) {
        for (const [j, value] of values.entries()) expect(value).toBeCloseTo(golden.optimizers[name][i]![j]!, 6);
      }
    });

    it('goes on from its state bit for bit, in whatever order the parameters come', async () => {
      const [whole, halves] = [twoParameters(), twoParameters()];
      const [one, first, second] = [table[name](), table[name](), table[name]()];
      for (let step = 0; step < 4; step++) stepOnce(one, whole, step);
      for (let step = 0; step < 2; step++) stepOnce(first, halves, step);
      second.restore(await first.state());
      for (let step = 2; step < 4; step++) stepOnce(second, [...halves].reverse(), step);
      expect(valuesOf(halves)).toEqual(valuesOf(whole));
    });

    it('keeps its buffers only, and frees them', () => {
      const parameters = twoParameters();
      const optimizer = table[name]();
      const before = tf.memory().numTensors;
      stepOnce(optimizer, parameters, 0);
      const held = tf.memory().numTensors;
      for (let step = 1; step < 5; step++) stepOnce(optimizer, parameters, step);
      expect(tf.memory().numTensors).toBe(held);
      optimizer.dispose();
      expect(tf.memory().numTensors).toBe(before);
    });

    it('gives each parameter its own share of the rate', () => {
      const [own, whole, part] = [0.1, 0.1, 0.02].map((rate, i) => {
        const [weight, scale] = twoParameters();
        const optimizer = table[name]();
        const parameters = i === 0 ? [{ ...weight!, rate: 0.2 }, scale!] : [weight!, scale!];
        for (let step = 0; step < 3; step++) {
          tf.tidy(() => {
            const gradients = { weight: tf.tensor(sequence(6, step), [2, 3]), scale: tf.tensor1d(sequence(3, step)) };
            optimizer.step(parameters, gradients, rate);
          });
        }
        return valuesOf(parameters);
      });
      for (const [j, value] of own![0]!.entries()) expect(value).toBeCloseTo(part![0]![j]!, 6);
      expect(own![1]).toEqual(whole![1]);
    });

    it('leaves a parameter without a gradient alone', () => {
      const [weight, scale] = twoParameters();
      tf.tidy(() => table[name]().step([weight!, scale!], { scale: tf.tensor1d([1, 1, 1]) }, 0.1));
      expect(valuesOf([weight!])).toEqual([sequence(6, 1)]);
      expect(valuesOf([scale!])).not.toEqual([sequence(3, 2)]);
    });
  });

  it("clips as PyTorch's clip_grad_norm_ does", () => {
    const gradients = { weight: tf.tensor1d(sequence(6, 10)), scale: tf.tensor1d(sequence(3, 20)) };
    const before = tf.memory().numTensors;
    const norm = tf.tidy(() => globalNorm(gradients).dataSync()[0]!);
    expect(norm).toBeCloseTo(golden.clip.norm, 6);
    expect(clipByGlobalNorm(gradients, norm, 10 * norm)).toBe(gradients);
    const clipped = clipByGlobalNorm(gradients, norm, 0.5);
    for (const [i, name] of (['weight', 'scale'] as const).entries()) {
      const values = Array.from(clipped[name]!.dataSync());
      for (const [j, value] of values.entries()) expect(value).toBeCloseTo(golden.clip.gradients[i]![j]!, 6);
    }
    tf.dispose(clipped);
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe('optimizers', () => {
  it('are made by name, and say what they are made of', () => {
    const { name, options } = createOptimizer('adam-w', { weightDecay: 0.05 });
    // As checkpoints have it.
    expect({ name, options }).toEqual({
      name: 'adamW',
      options: { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.05 },
    });
    expect(createOptimizer('sgd').options).toEqual({ momentum: 0.9, weightDecay: 5e-4, nesterov: false });
    expect(() => createOptimizer('adam' as 'adam-w')).toThrow('Did you mean "adam-w"?');
    expect(() => sgd({ momentun: 0.9 } as never)).toThrow('Did you mean "momentum"?');
  });

  it('refuse bad options', () => {
    expect(() => sgd({ momentum: -1 })).toThrow('sgd: momentum is -1, expected a number in [0, 1].');
    expect(() => adamW({ beta2: 1 })).toThrow('adamW: beta2 is 1');
    expect(() => clipByGlobalNorm({}, 1, 0)).toThrow('clipByGlobalNorm: maxNorm is 0');
  });
});
