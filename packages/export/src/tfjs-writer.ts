import { Float16Array } from '@petamoriken/float16';
import { joinBytes } from '@protomem/core';
import type { DefinedEncoder } from '@protomem/encoders';
import { type GraphWriter, type ValuesOf, writeLayers } from './graph.ts';
import { fromPlainPixels, type WriteSettings } from './write-model.ts';

const base64 = (text: string): object => ({ s: btoa(text) });
const float = { type: 'DT_FLOAT' };
const list = (values: readonly number[]): object => ({ list: { i: values.map(String) } });
const sizes = (shape: readonly number[]): object => ({ dim: shape.map((size) => ({ size: String(size) })) });

/** Name of the file of weights, beside `model.json`. */
export const WEIGHTS = 'weights.bin';

/**
 * A graph model of TensorFlow.js, as its converter writes one: `data` `[batch, H, W, 3]` to `embedding` `[batch, D]`. With
 * `float16` the weights are stored in 16 bits; TensorFlow.js computes in 32.
 *
 * @returns `model.json`, and the bytes of {@link WEIGHTS}.
 */
export function writeTfjs(
  { card, layers }: DefinedEncoder,
  values: ValuesOf,
  { normalize, flip, precision, metadata }: WriteSettings,
): { readonly json: string; readonly weights: Uint8Array<ArrayBuffer> } {
  const { inputSize, embeddingSize, normalization } = card;
  const nodes: object[] = [];
  const specs: object[] = [];
  const bytes: Uint8Array[] = [];

  const node = (op: string, name: string, input: readonly string[], attr: object = {}): string => {
    nodes.push({ name, op, input, attr: { T: float, ...attr } });
    return name;
  };
  const constant = (name: string, shape: readonly number[], data: Float32Array | Int32Array): string => {
    const whole = data instanceof Int32Array;
    const half = precision === 'float16' && !whole;
    const stored = half ? new Float16Array(data) : data;
    const type = whole ? 'DT_INT32' : 'DT_FLOAT';
    const tensor = { dtype: type, tensorShape: sizes(shape) };
    nodes.push({ name, op: 'Const', attr: { dtype: { type }, value: { tensor } } });
    const quantization = { quantization: { dtype: 'float16', original_dtype: 'float32' } };
    specs.push({ name, shape, dtype: whole ? 'int32' : 'float32', ...(half ? quantization : {}) });
    bytes.push(new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength));
    return name;
  };
  const vector = (name: string, data: Float32Array): string => constant(name, [data.length], data);
  const integers = (name: string, ...data: number[]): string => constant(name, [data.length], Int32Array.from(data));
  const affine = (x: string, name: string, scale: Float32Array, shift: Float32Array): string => {
    const scaled = node('Mul', `${name}/scaled`, [x, vector(`${name}.scale`, scale)]);
    return node('AddV2', name, [scaled, vector(`${name}.shift`, shift)]);
  };

  const writer: GraphWriter = {
    convolution(x, { kind, name, kernel, stride, padding, ...layer }, weight, bias) {
      const channels = 'channels' in layer ? [layer.channels, 1] : [layer.inputs, layer.outputs];
      // At stride 1, SAME is the padding of 1 on each side; else it depends on the side.
      const same = padding === 1 && stride === 1;
      const image =
        padding === 0 || same
          ? x
          : node('Pad', `${name}/padded`, [
              x,
              constant(`${name}.paddings`, [4, 2], Int32Array.of(0, 0, 1, 1, 1, 1, 0, 0)),
            ]);
      const op = kind === 'depthwise' ? 'DepthwiseConv2dNative' : 'Conv2D';
      const maps = node(op, name, [image, constant(`${name}.weight`, [...kernel, ...channels], weight)], {
        strides: list([1, stride, stride, 1]),
        dilations: list([1, 1, 1, 1]),
        padding: base64(same ? 'SAME' : 'VALID'),
        data_format: base64('NHWC'),
      });
      if (!bias) return maps;
      return node('BiasAdd', `${name}/biased`, [maps, vector(`${name}.bias`, bias)], { data_format: base64('NHWC') });
    },
    dense(x, { name, inputs, outputs }, weight, bias) {
      const width = inputs.reduce((a, b) => a * b, 1);
      const flat = node('Reshape', `${name}/flat`, [x, integers(`${name}.shape`, -1, width)]);
      const matrix = constant(`${name}.weight`, [width, outputs], weight);
      const product = node('MatMul', name, [flat, matrix], { transpose_a: { b: false }, transpose_b: { b: false } });
      return node('AddV2', `${name}/biased`, [product, vector(`${name}.bias`, bias)]);
    },
    affine,
    prelu: (x, name, slopes) => node('Prelu', name, [x, vector(`${name}.weight`, slopes)]),
    add: (a, b, name) => node('AddV2', name, [a, b]),
  };

  const shape = { shape: sizes([-1, ...inputSize, 3]) };
  nodes.push({ name: 'data', op: 'Placeholder', attr: { dtype: float, shape } });
  let x = 'data';
  const { mean, std } = normalization;
  const line =
    normalize === 'inside'
      ? { scale: Float32Array.of(1 / std), shift: Float32Array.of(-mean / std) }
      : fromPlainPixels(normalization);
  if (line) x = affine(x, 'pixels', line.scale, line.shift);
  if (flip) {
    const mirrored = node('ReverseV2', 'mirrored', [x, integers('mirrored.axis', 2)]);
    const axis = constant('both.axis', [], Int32Array.of(0));
    x = node('ConcatV2', 'both', [x, mirrored, axis], { N: { i: '2' } });
  }
  x = writeLayers(writer, layers, values, x);
  const last = flip ? 'halves' : 'embedding';
  const rows = flip ? [2, -1, embeddingSize] : [-1, embeddingSize];
  x = node('Reshape', last, [x, integers(`${last}.shape`, ...rows)]);
  if (flip) node('Sum', 'embedding', [x, integers('embedding.axis', 0)], { keep_dims: { b: false } });

  const end = (name: string, sides: readonly number[]): object => ({
    [name]: { name: `${name}:0`, dtype: 'DT_FLOAT', tensorShape: sizes(sides) },
  });
  const model = {
    format: 'graph-model',
    generatedBy: 'protomem',
    convertedBy: null,
    signature: { inputs: end('data', [-1, ...inputSize, 3]), outputs: end('embedding', [-1, embeddingSize]) },
    userDefinedMetadata: metadata,
    modelTopology: { node: nodes, library: {}, versions: { producer: 1 } },
    weightsManifest: [{ paths: [WEIGHTS], weights: specs }],
  };
  return { json: JSON.stringify(model), weights: joinBytes(bytes) };
}
