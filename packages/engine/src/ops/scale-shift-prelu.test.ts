import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { kernelEngines, useKernelEngine } from '../../fixtures/kernel-engines.ts';
import { checkGradients, normal } from '../../fixtures/naive.ts';
import { composedKernels } from '../kernels/composed/kernels.ts';
import { expectClose, leaked } from '../testing.ts';
import { scaleShift, scaleShiftPrelu } from './scale-shift-prelu.ts';

type Four = [tf.Tensor, tf.Tensor1D, tf.Tensor1D, tf.Tensor1D];

describe.each(await kernelEngines())('scaleShiftPrelu on %s', (engine) => {
  beforeAll(() => useKernelEngine(engine));

  it.each([[[5]], [[3, 5]], [[2, 3, 3, 5]], [[2, 30, 31, 19]]])('equals the definition for %j', (shape) => {
    tf.tidy(() => {
      const channels = shape.at(-1)!;
      const [x, ...rest] = [normal(shape), ...[2, 3, 4].map((seed) => normal([channels], seed))];
      const [factor, shift, alpha] = rest.map((tensor) => tensor.dataSync());
      const expected = x!.dataSync().map((value, i) => {
        const z = value * factor![i % channels]! + shift![i % channels]!;
        return z > 0 ? z : z * alpha![i % channels]!;
      });
      expectClose(scaleShiftPrelu(...([x, ...rest] as Four)), expected, 1e-6);
      const affine = x!.dataSync().map((value, i) => value * factor![i % channels]! + shift![i % channels]!);
      expectClose(scaleShift(x!, rest[0] as tf.Tensor1D, rest[1] as tf.Tensor1D), affine, 1e-6);
      const [factorOf, shiftOf, alphaOf] = rest as tf.Tensor1D[];
      const inputs = { x: x!, factor: factorOf!, shift: shiftOf!, alpha: alphaOf! };
      expectClose(composedKernels.scaleShiftPrelu(inputs, {}, tf.backend()), expected, 1e-6);
    });
  });

  it('has the gradients that finite differences see', () => {
    tf.tidy(() => {
      // Away from the kink: factors and shifts keep the signs of x.
      const x = tf.tensor2d([0.5, -0.7, 1.2, -0.3, -2, 0.9], [2, 3]);
      const rest = [tf.tensor1d([1, 2, 0.5]), tf.tensor1d([0.1, -0.1, 0.05]), tf.tensor1d([0.25, 1.5, -0.5])];
      checkGradients((...given) => scaleShiftPrelu(...(given as Four)), [x, ...rest]);
      checkGradients((a, b, c) => scaleShift(a, b as tf.Tensor1D, c as tf.Tensor1D), [x, rest[0]!, rest[1]!]);
    });
  });

  it('leaves no tensor behind', () => {
    const inputs = [normal([4, 3]), normal([3], 2), normal([3], 3), normal([3], 4)] as unknown as Four;
    expect(leaked(() => scaleShiftPrelu(...inputs).dispose())).toBe(0);
    expect(leaked(() => scaleShift(inputs[0], inputs[1], inputs[2]).dispose())).toBe(0);
    expect(leaked(() => tf.dispose(tf.grads((...given) => scaleShiftPrelu(...(given as Four)))(inputs)))).toBe(0);
    tf.dispose(inputs);
  });

  it('refuses numbers that do not fit', () => {
    tf.tidy(() => {
      const [three, two] = [tf.zeros<tf.Rank.R1>([3]), tf.zeros<tf.Rank.R1>([2])];
      const x = tf.zeros([2, 3]);
      expect(() => scaleShiftPrelu(x, two, three, three)).toThrow(/shape of factor is \[2\], expected \[3\]/);
      expect(() => scaleShiftPrelu(x, three, two, three)).toThrow(/shape of shift/);
      expect(() => scaleShiftPrelu(x, three, three, tf.scalar(1) as never)).toThrow(/shape of alpha/);
    });
  });
});
