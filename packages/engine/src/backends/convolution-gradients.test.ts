import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { checkGradients, naiveConvolution, normal } from '../../fixtures/naive.ts';
import { enginesAtHand, expectClose, leaked, useEngine } from '../testing.ts';
import { registerTrainingKernels } from './register.ts';

type Pad = 'same' | 'valid' | number | [[0, 0], [number, number], [number, number], [0, 0]];
type Case = [x: number[], filter: number[], strides: [number, number], pad: Pad];

/** The same padding on both sides. As a number tfjs takes it only for square filters and strides: others it gets wrong. */
function around(rows: number, columns: number): Pad {
  return [
    [0, 0],
    [rows, rows],
    [columns, columns],
    [0, 0],
  ];
}

const uneven: Pad = [
  [0, 0],
  [2, 0],
  [1, 3],
  [0, 0],
];

const convolutions: Case[] = [
  [[2, 5, 4, 3], [3, 3, 3, 2], [1, 1], 'same'],
  [[1, 7, 6, 2], [3, 3, 2, 5], [2, 2], 'same'],
  [[3, 8, 9, 4], [3, 3, 4, 3], [2, 2], 'valid'],
  [[2, 9, 7, 3], [3, 2, 3, 4], [2, 3], 'same'],
  [[2, 6, 6, 3], [1, 1, 3, 4], [1, 1], 'same'],
  [[2, 7, 5, 3], [1, 1, 3, 4], [2, 2], 'valid'],
  [[2, 8, 8, 3], [1, 1, 3, 2], [3, 3], 'valid'],
  [[1, 4, 4, 2], [1, 1, 2, 3], [2, 1], around(1, 1)],
  [[2, 7, 7, 2], [7, 7, 2, 3], [1, 1], 'valid'],
  [[1, 8, 8, 3], [5, 3, 3, 2], [1, 2], around(2, 1)],
  [[2, 6, 5, 2], [3, 3, 2, 2], [2, 2], uneven],
  [[1, 5, 5, 1], [2, 2, 1, 1], [3, 3], 'valid'],
  [[1, 2, 3, 2], [3, 3, 2, 2], [4, 4], 'same'],
  [[1, 1, 1, 3], [3, 3, 3, 2], [2, 2], 'same'],
  [[1, 5, 5, 2], [2, 2, 2, 2], [1, 1], 3],
  [[4, 14, 14, 16], [3, 3, 16, 24], [2, 2], 1],
  // Enough pixels for ops of our own; tiles of 4x4 that end with the image, and that do not; channels of one register and
  // of several.
  [[3, 16, 20, 8], [3, 3, 8, 16], [1, 1], 'same'],
  [[2, 17, 18, 16], [3, 3, 16, 8], [1, 1], 'same'],
  [[9, 7, 9, 40], [3, 3, 40, 32], [1, 1], 'same'],
  [[70, 4, 2, 16], [3, 3, 16, 32], [1, 1], 'same'],
  [[600, 1, 1, 32], [3, 3, 32, 16], [1, 1], 'same'],
  // Few channels and a stride: wrong in oneDNN.
  [[2, 12, 12, 5], [1, 1, 5, 16], [3, 3], 'valid'],
  [[2, 12, 6, 3], [1, 1, 3, 9], [2, 1], 'same'],
  [[2, 13, 7, 15], [1, 1, 15, 8], [2, 2], 'same'],
  // Enough for several threads.
  [[3, 26, 23, 24], [3, 3, 24, 20], [2, 2], 'same'],
  [[4, 17, 25, 13], [3, 3, 13, 11], [1, 1], 'same'],
  [[8, 15, 14, 36], [3, 3, 36, 44], [1, 1], 'same'],
  [[2, 40, 41, 3], [5, 5, 3, 12], [1, 1], 'valid'],
];

const depthwise: Case[] = [
  [[2, 5, 4, 3], [3, 3, 3, 1], [1, 1], 'same'],
  [[1, 7, 6, 5], [3, 3, 5, 1], [2, 2], 'same'],
  [[2, 9, 8, 4], [3, 3, 4, 1], [2, 2], 'valid'],
  [[2, 7, 7, 4], [7, 7, 4, 1], [1, 1], 'valid'],
  [[2, 6, 7, 3], [3, 3, 3, 2], [2, 2], 'same'],
  [[1, 5, 5, 2], [2, 3, 2, 3], [1, 1], around(1, 1)],
  [[2, 6, 5, 2], [3, 3, 2, 1], [2, 2], uneven],
  [[1, 6, 6, 17], [1, 1, 17, 1], [1, 1], 'same'],
  [[3, 14, 14, 35], [3, 3, 35, 1], [2, 2], 1],
  [[6, 31, 30, 40], [3, 3, 40, 1], [1, 1], 'same'],
  [[6, 31, 30, 35], [3, 3, 35, 1], [2, 2], 'same'],
];

const dilated: Case[] = [
  [[2, 7, 8, 3], [3, 3, 3, 1], [2, 2], 'same'],
  [[1, 9, 8, 2], [3, 2, 2, 2], [2, 3], 'valid'],
  [[2, 6, 6, 17], [2, 2, 17, 1], [3, 1], around(2, 2)],
];

/** Runs a kernel of tfjs. */
const call = (name: string, inputs: tf.NamedTensorMap, attrs: tf.NamedAttrMap): tf.Tensor =>
  tf.engine().runKernel(name, inputs, attrs);

function setUp([xShape, filterShape, strides, pad]: Case, separate: boolean, dilations: [number, number] = [1, 1]) {
  const shapes = [xShape, filterShape] as unknown as [
    [number, number, number, number],
    [number, number, number, number],
  ];
  const info = tf.backend_util.computeConv2DInfo(...shapes, strides, dilations, pad, undefined, separate);
  const x = normal(xShape) as tf.Tensor4D;
  const filter = normal(filterShape, 2) as tf.Tensor4D;
  const dy = normal(info.outShape, 3) as tf.Tensor4D;
  return { x, filter, dy, info, expected: naiveConvolution({ x, filter, dy, info, depthwise: separate }) };
}

describe.each(await enginesAtHand())('convolution gradients on %s', (engine) => {
  /** tfjs-node has no padding in numbers. */
  const supported = (cases: Case[]): Case[] =>
    cases.filter(([, , , pad]) => engine !== 'node' || typeof pad === 'string');

  beforeAll(async () => {
    await useEngine(engine);
    registerTrainingKernels(tf.getBackend());
  });

  it.each(supported(convolutions))('conv2d %j with filter %j, strides %j, pad %j', (...at) => {
    tf.tidy(() => {
      const { x, filter, dy, expected } = setUp(at, false);
      const f = (a: tf.Tensor, b: tf.Tensor): tf.Tensor4D =>
        tf.conv2d(a as tf.Tensor4D, b as tf.Tensor4D, at[2], at[3]);
      expectClose(f(x, filter), expected.y, 1e-5);
      const [dx, dFilter] = tf.grads(f as never)([x, filter], dy);
      expectClose(dx!, expected.dx, 1e-5);
      expectClose(dFilter!, expected.dFilter, 1e-5);
    });
  });

  it.each(supported(depthwise))('depthwiseConv2d %j with filter %j, strides %j, pad %j', (...at) => {
    tf.tidy(() => {
      const { x, filter, dy, expected } = setUp(at, true);
      const f = (a: tf.Tensor, b: tf.Tensor): tf.Tensor4D =>
        tf.depthwiseConv2d(a as tf.Tensor4D, b as tf.Tensor4D, at[2], at[3] as 'same');
      expectClose(f(x, filter), expected.y, 1e-5);
      const [dx, dFilter] = tf.grads(f as never)([x, filter], dy);
      expectClose(dx!, expected.dx, 1e-5);
      expectClose(dFilter!, expected.dFilter, 1e-5);
    });
  });

  it('has the gradients that finite differences see', () => {
    tf.tidy(() => {
      checkGradients(
        (x, filter) => tf.conv2d(x as tf.Tensor4D, filter as tf.Tensor4D, [2, 1], 'same'),
        [normal([1, 5, 4, 2]), normal([3, 3, 2, 2], 2)],
      );
      checkGradients(
        (x, filter) => tf.depthwiseConv2d(x as tf.Tensor4D, filter as tf.Tensor4D, 2, 'same'),
        [normal([1, 5, 4, 2]), normal([3, 3, 2, 1], 2)],
      );
    });
  });

  it('leaves no tensor behind', () => {
    const [x, filter] = [normal([2, 6, 6, 3]) as tf.Tensor4D, normal([3, 3, 3, 4]) as tf.Tensor4D];
    const each = normal([3, 3, 3, 1]) as tf.Tensor4D;
    const buffers = tf.memory().numDataBuffers;
    const run = (strides: number): void => {
      const conv = (a: tf.Tensor, b: tf.Tensor): tf.Tensor =>
        tf.conv2d(a as tf.Tensor4D, b as tf.Tensor4D, strides, 'same');
      tf.dispose(tf.grads(conv as never)([x, filter]));
      const separate = (a: tf.Tensor, b: tf.Tensor): tf.Tensor =>
        tf.depthwiseConv2d(a as tf.Tensor4D, b as tf.Tensor4D, strides, 'same');
      tf.dispose(tf.grads(separate as never)([x, each]));
    };
    expect(leaked(() => run(1))).toBe(0);
    expect(leaked(() => run(2))).toBe(0);
    expect(tf.memory().numDataBuffers).toBe(buffers);
    tf.dispose([x, filter, each]);
  });
});

// tfjs refuses dilations in a gradient before it comes to the kernels; wasm's own can do them.
describe.runIf((await enginesAtHand()).includes('wasm'))('wasm convolution kernels', () => {
  beforeAll(async () => {
    await useEngine('wasm');
    registerTrainingKernels('wasm');
  });

  it.each(dilated)('depthwise %j with filter %j, dilations %j, pad %j', (...at) => {
    tf.tidy(() => {
      const [x, filterShape, dilations, pad] = at;
      const { dy, expected, ...made } = setUp([x, filterShape, [1, 1], pad], true, dilations);
      const attrs = { strides: [1, 1], pad: pad as number, dilations, dimRoundingMode: undefined as never };
      const dx = call('DepthwiseConv2dNativeBackpropInput', { dy, filter: made.filter }, { ...attrs, inputShape: x });
      expectClose(dx, expected.dx, 1e-5);
      const dFilter = call('DepthwiseConv2dNativeBackpropFilter', { x: made.x, dy }, { ...attrs, filterShape });
      expectClose(dFilter, expected.dFilter, 1e-5);
    });
  });

  it('refuse what they cannot do', () => {
    tf.tidy(() => {
      const [dy, filter] = [tf.zeros([1, 2, 2, 1]), tf.zeros([2, 2, 1, 1])];
      const attrs = { strides: [2, 2], pad: 'same', inputShape: [1, 4, 4, 1] };
      expect(() => call('DepthwiseConv2dNativeBackpropInput', { dy, filter }, { ...attrs, dilations: [2, 2] })).toThrow(
        /strides of 1 or dilations of 1/,
      );
      expect(() => call('Conv2DBackpropInput', { dy, filter }, { ...attrs, dataFormat: 'NCHW' })).toThrow(/NHWC/);
      expect(() =>
        call('Conv2DBackpropFilter', { x: dy, dy }, { ...attrs, filterShape: filter.shape, dataFormat: 'NCHW' }),
      ).toThrow(/NHWC/);
    });
  });
});
