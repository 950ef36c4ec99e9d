import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { kernelEngines, useKernelEngine } from '../../fixtures/kernel-engines.ts';
import { normal } from '../../fixtures/naive.ts';
import { composedKernels } from '../kernels/composed/kernels.ts';
import { expectClose, leaked } from '../testing.ts';
import { globalNorm } from './global-norm.ts';
import { type SgdStep, sgdUpdate } from './sgd-update.ts';
import { updateMovingAverages } from './update-moving-averages.ts';

// Below one register, no multiple of one, more than one thread's worth.
const shapes = [[3], [17], [4, 16], [1], [130, 131], [501, 613]];

const values = (seed: number): tf.Tensor[] => shapes.map((shape, i) => normal(shape, seed + i));

describe.each(await kernelEngines())('optimizer kernels on %s', (engine) => {
  beforeAll(() => useKernelEngine(engine));

  it('globalNorm is that of all values together', () => {
    tf.tidy(() => {
      const tensors = values(1);
      const sum = tensors.flatMap((tensor) => [...tensor.dataSync()]).reduce((total, v) => total + v * v, 0);
      expectClose(globalNorm(tensors), [Math.sqrt(sum)], 1e-6);
      expectClose(composedKernels.globalNorm(Object.fromEntries(tensors.entries()), {}, tf.backend()), [
        Math.sqrt(sum),
      ]);
      expect(globalNorm([tf.tensor1d([1, Number.NaN])]).dataSync()[0]).toBeNaN();
    });
  });

  it.each([
    ['momentum', 0.9, false],
    ['nesterov', 0.9, true],
    ['no momentum', 0, false],
  ] as const)('sgdUpdate is the formula: %s', (_, momentum, nesterov) => {
    tf.tidy(() => {
      const step: SgdStep = {
        weights: values(1),
        velocities: momentum > 0 ? values(20) : [],
        gradients: values(40),
        decays: [0, 0.1, 0.2, 0, 0.01, 0.1],
        rate: 0.3,
        momentum,
        nesterov,
      };
      const next = sgdUpdate(step);
      expect(next.velocities).toHaveLength(step.velocities.length);
      for (const [i, weight] of step.weights.entries()) {
        const [w, g] = [weight.dataSync(), step.gradients[i]!.dataSync()];
        const v = step.velocities[i]?.dataSync();
        const velocity = w.map((_, j) => momentum * (v?.[j] ?? 0) + g[j]! + step.decays[i]! * w[j]!);
        const direction = velocity.map((value, j) =>
          nesterov ? g[j]! + step.decays[i]! * w[j]! + momentum * value : value,
        );
        expect(next.weights[i]!.shape).toEqual(weight.shape);
        expectClose(
          next.weights[i]!,
          w.map((value, j) => value - 0.3 * direction[j]!),
          1e-6,
        );
        if (v) expectClose(next.velocities[i]!, velocity, 1e-6);
        // What it started from is left as it was.
        expectClose(weight, normal(shapes[i]!, 1 + i), 0);
      }
    });
  });

  it('updateMovingAverages moves each average on by its value', () => {
    tf.tidy(() => {
      const [averages, next] = [values(1).map((value) => tf.variable(value, false)), values(20)];
      const factors = [0.25, 0.3, 0, 1, -2, 0.5];
      updateMovingAverages(averages, next, 0.75, factors);
      for (const [i, average] of averages.entries()) {
        const [before, value] = [normal(shapes[i]!, 1 + i).dataSync(), next[i]!.dataSync()];
        const expected = before.map((one, j) => 0.75 * one + factors[i]! * value[j]!);
        expect(average.shape).toEqual(shapes[i]);
        expectClose(average, expected, 1e-6);
      }
      expectClose(next[0]!, normal(shapes[0]!, 20), 0);
      const [one, two] = [tf.variable(tf.tensor1d([1]), false), tf.tensor1d([2])];
      updateMovingAverages([one], [two], 0.9);
      expectClose(one, [1.1], 1e-6);
      expect(() => updateMovingAverages([one], [], 0.9)).toThrow('number of values is 0, expected 1');
      expect(() => updateMovingAverages([one], [two], 0.9, [])).toThrow('number of factors is 0, expected 1');
      expect(() => updateMovingAverages([one], [tf.ones([1, 1])], 0.9)).toThrow(
        'shape of value 0 is [1, 1], expected [1]',
      );
      expectClose(one, [1.1], 1e-6);
      for (const average of [...averages, one]) average.dispose();
    });
  });

  it('leave no tensor behind', () => {
    const [weights, velocities, gradients] = [values(1), values(2), values(3)];
    const step = {
      weights,
      velocities,
      gradients,
      decays: [0, 0, 0, 0, 0, 0],
      rate: 1,
      momentum: 0.5,
      nesterov: false,
    };
    expect(leaked(() => globalNorm(gradients).dispose())).toBe(0);
    expect(leaked(() => tf.dispose(Object.values(sgdUpdate(step))))).toBe(0);
    expect(sgdUpdate({ ...step, weights: [], velocities: [], gradients: [], decays: [] }).weights).toEqual([]);
    expect(() => sgdUpdate({ ...step, decays: [0] })).toThrow(/number of decays is 1, expected 6/);
    const averages = weights.map((weight) => tf.variable(weight, false));
    expect(leaked(() => updateMovingAverages(averages, gradients, 0.9))).toBe(0);
    tf.dispose([weights, velocities, gradients, averages]);
  });
});
