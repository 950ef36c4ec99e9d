import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { enginesAtHand, leaked, useEngine } from '../testing.ts';
import { attention } from './attention.ts';
import { convolutionPrelu } from './convolution-prelu.ts';
import { putElements, takeElements } from './cosines.ts';
import { depthwiseConvolution, depthwisePrelu } from './depthwise-convolution.ts';
import { layerNorm } from './layer-norm.ts';
import { prelu } from './prelu.ts';
import { scaleShift, scaleShiftPrelu } from './scale-shift-prelu.ts';

const maps = (): tf.Tensor4D => tf.zeros([0, 3, 3, 4]);
const four = (): tf.Tensor1D => tf.ones([4]);
const cases: Readonly<Record<string, () => tf.Tensor>> = {
  prelu: () => prelu(maps(), four()),
  scaleShift: () => scaleShift(maps(), four(), four()),
  scaleShiftPrelu: () => scaleShiftPrelu(maps(), four(), four(), four()),
  layerNorm: () => layerNorm(tf.zeros([0, 9, 4]), four(), four()),
  convolutionPrelu: () => convolutionPrelu(maps(), tf.ones([1, 1, 4, 4]), four(), four()),
  depthwiseConvolution: () => depthwiseConvolution(maps(), tf.ones([3, 3, 4, 1])),
  depthwisePrelu: () => depthwisePrelu(maps(), tf.ones([3, 3, 4, 1]), four(), four()),
  attention: () => attention(tf.zeros([0, 5, 12]), 2),
  takeElements: () => takeElements(tf.zeros([0, 7]), tf.zeros([0], 'int32')),
  putElements: () => putElements(tf.zeros([0, 7]), tf.zeros([0], 'int32'), tf.zeros([0])),
};

describe.each(await enginesAtHand())('a batch of nothing on %s', (engine) => {
  beforeAll(() => useEngine(engine));

  it.each(Object.entries(cases))('is refused by %s', (name, run) => {
    const refused = new RegExp(`^${name}: shape of (x|qkv|matrix) is \\[0, .*, expected one with elements`);
    expect(leaked(() => expect(() => tf.tidy(run)).toThrow(refused))).toBe(0);
  });
});
