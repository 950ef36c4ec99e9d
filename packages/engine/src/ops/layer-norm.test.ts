import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { kernelEngines, useKernelEngine } from '../../fixtures/kernel-engines.ts';
import { checkGradients, normal } from '../../fixtures/naive.ts';
import { expectClose, leaked } from '../testing.ts';
import { layerNorm } from './layer-norm.ts';

type Three = [tf.Tensor, tf.Tensor1D, tf.Tensor1D];
const inputsOf = (shape: number[]): Three => {
  const channels = shape.at(-1)!;
  return [tf.add(normal(shape), 2), normal([channels], 2), normal([channels], 3)] as Three;
};

describe.each(await kernelEngines())('layerNorm on %s', (engine) => {
  beforeAll(() => useKernelEngine(engine));

  it.each([[[5]], [[3, 5]], [[2, 4, 16]], [[2, 3, 3, 7]]])('equals the definition for %j', (shape) => {
    tf.tidy(() => {
      const [x, scale, offset] = inputsOf(shape);
      const channels = shape.at(-1)!;
      const [X, S, O] = [x, scale, offset].map((tensor) => [...tensor.dataSync()]);
      const expected = X!.map((value, i) => {
        const place = X!.slice(i - (i % channels), i - (i % channels) + channels);
        const mean = place.reduce((sum, one) => sum + one, 0) / channels;
        const variance = place.reduce((sum, one) => sum + (one - mean) ** 2, 0) / channels;
        return ((value - mean) / Math.sqrt(variance + 1e-3)) * S![i % channels]! + O![i % channels]!;
      });
      expectClose(layerNorm(x, scale, offset, 1e-3), expected, 1e-5);
    });
  });

  it('has the gradients that finite differences see', () => {
    tf.tidy(() => {
      checkGradients((...given) => layerNorm(...(given as Three)), inputsOf([2, 3, 4]));
      checkGradients((...given) => layerNorm(...(given as Three)), inputsOf([6]));
    });
  });

  it('leaves no tensor behind', () => {
    const inputs = inputsOf([4, 2, 3]);
    expect(leaked(() => layerNorm(...inputs).dispose())).toBe(0);
    expect(leaked(() => tf.dispose(tf.grads((...given) => layerNorm(...(given as Three)))(inputs)))).toBe(0);
    tf.dispose(inputs);
  });

  it('refuses numbers that do not fit', () => {
    tf.tidy(() => {
      const [three, two] = [tf.zeros<tf.Rank.R1>([3]), tf.zeros<tf.Rank.R1>([2])];
      expect(() => layerNorm(tf.zeros([2, 3]), two, three)).toThrow(/shape of scale is \[2\], expected \[3\]/);
      expect(() => layerNorm(tf.zeros([2, 3]), three, two)).toThrow(/shape of offset/);
    });
  });
});
