import { option } from '@protomem/core';
import { irVersions } from './onnx-writer.ts';

const opsets = Object.keys(irVersions).map(Number);

/** Formats, and what is written beside a model's card. */
const targets = ['onnx', 'tfjs', 'safetensors'] as const;

/** Options of `encodeModel`. */
export const encodeOptions = {
  to: option.choice(targets, {
    help: 'ONNX; a graph model of TensorFlow.js (a folder); or weights as PyTorch has them, norms and all.',
  }),
  normalize: option.choice(['inside', 'outside'], {
    help: 'Whether the model takes bytes 0 ... 255 (one file for InsightFace and OpenCV), or (pixel - 127.5) / 127.5.',
    default: 'inside',
  }),
  flip: option.flag({
    help: 'Add the embedding of the mirror image, inside the model: twice the work.',
    default: false,
  }),
  precision: option.choice(['float32', 'float16', 'int8'], {
    help: 'Precision of the weights, in ONNX of the arithmetic too; input and output are float32. `int8` is for ONNX, and calibrated on faces.',
    default: 'float32',
  }),
  opset: option.integer({
    help: 'Operator set of an ONNX file.',
    min: Math.min(...opsets),
    max: Math.max(...opsets),
    absent: '11, in int8 13',
  }),
  licence: option.text({ help: "The model's licence, for its card.", absent: 'not stated' }),
};
