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

  let layout: 'maps' | 'tokens' | 'flat' = 'maps';
  /** Tokens of an image. */
  let places = 0;
  const product = (x: string, name: string, shape: readonly [number, number], weight: Float32Array): string =>
    node('MatMul', name, [x, constant(`${name}.weight`, shape, weight)], {
      transpose_a: { b: false },
      transpose_b: { b: false },
    });
  const turned = (x: string, name: string, ...order: number[]): string =>
    node('Transpose', name, [x, integers(`${name}.order`, ...order)], { Tperm: { type: 'DT_INT32' } });
  const reshaped = (x: string, name: string, ...shape: number[]): string =>
    node('Reshape', name, [x, integers(`${name}.shape`, ...shape)]);
  const scalar = (name: string, value: number): string => constant(name, [], Float32Array.of(value));
  const meanOf = (x: string, name: string, ...axes: number[]): string =>
    node('Mean', name, [x, integers(`${name}.axes`, ...axes)], { keep_dims: { b: true } });

  const writer: GraphWriter = {
    convolution(x, { kind, name, kernel, stride, padding, ...layer }, weight, bias) {
      const channels = 'channels' in layer ? [layer.channels, 1] : [layer.inputs, layer.outputs];
      // At stride 1, SAME is half of the kernel on each side; else it depends on the side.
      const same = padding > 0 && stride === 1;
      const image =
        padding === 0 || same
          ? x
          : node('Pad', `${name}/padded`, [
              x,
              constant(`${name}.paddings`, [4, 2], Int32Array.of(0, 0, padding, padding, padding, padding, 0, 0)),
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
      layout = 'flat';
      const flat = node('Reshape', `${name}/flat`, [x, integers(`${name}.shape`, -1, width)]);
      const rows = product(flat, name, [width, outputs], weight);
      return node('AddV2', `${name}/biased`, [rows, vector(`${name}.bias`, bias)]);
    },
    affine,
    prelu: (x, name, slopes) => node('Prelu', name, [x, vector(`${name}.weight`, slopes)]),
    add: (a, b, name) => node('AddV2', name, [a, b]),
    activation: (x, of) => node(of === 'relu' ? 'Relu' : 'Relu6', `${x}/${of}`, [x]),
    pool: (x, name) => meanOf(x, `${name}/mean`, 1, 2),
    gate(x, logits, of, name) {
      const share =
        of === 'sigmoid'
          ? node('Sigmoid', `${name}/share`, [logits])
          : node('Mul', `${name}/share`, [
              node('Relu6', `${name}/raised`, [node('AddV2', `${name}/sum`, [logits, scalar(`${name}.three`, 3)])]),
              scalar(`${name}.sixth`, 1 / 6),
            ]);
      return node('Mul', `${name}/gated`, [x, share]);
    },
    concatenation: (a, b, name) =>
      node('ConcatV2', `${name}/both`, [a, b, constant(`${name}.axis`, [], Int32Array.of(-1))], { N: { i: '2' } }),
    tokens(x, { name, size: [rows, columns], channels }, vectors) {
      layout = 'tokens';
      places = rows * columns;
      const maps = reshaped(x, `${name}/tokens`, -1, places, channels);
      return node('AddV2', `${name}/placed`, [maps, constant(name, [1, places, channels], vectors)]);
    },
    layerNorm(x, name, scale, offset) {
      const centered = node('Sub', `${name}/centered`, [x, meanOf(x, `${name}/mean`, -1)]);
      const squares = node('Mul', `${name}/squares`, [centered, centered]);
      const spread = node('AddV2', `${name}/spread`, [
        meanOf(squares, `${name}/variance`, -1),
        scalar(`${name}.epsilon`, 1e-5),
      ]);
      const unit = node('Mul', `${name}/unit`, [centered, node('Rsqrt', `${name}/factor`, [spread])]);
      return affine(unit, name, scale, offset);
    },
    linear(x, { name, inputs, outputs, std }, weight, bias) {
      if (layout === 'maps') {
        const kernel = { kernel: [1, 1], stride: 1, padding: 0 } as const;
        return writer.convolution(x, { kind: 'convolution', name, inputs, outputs, std, ...kernel }, weight, bias);
      }
      // A product takes matrices only.
      const rows = layout === 'flat' ? x : reshaped(x, `${name}/rows`, -1, inputs);
      let y = product(rows, name, [inputs, outputs], weight);
      if (bias) y = node('AddV2', `${name}/biased`, [y, vector(`${name}.bias`, bias)]);
      return layout === 'flat' ? y : reshaped(y, `${name}/tokens`, -1, places, outputs);
    },
    attention(x, { name, channels, heads }, { q, k, v, proj, bias }) {
      const rows = reshaped(x, `${name}/rows`, -1, channels);
      const [queries, keys, mixed] = Object.entries({ q, k, v }).map(([part, weight]) => {
        const of = `${name}.${part}`;
        const y = product(rows, of, [channels, channels], weight);
        return turned(reshaped(y, `${of}/split`, -1, places, heads, channels / heads), `${of}/heads`, 0, 2, 1, 3);
      }) as [string, string, string];
      const times = (a: string, b: string, of: string, adj_y: boolean): string =>
        node('BatchMatMulV2', of, [a, b], { adj_x: { b: false }, adj_y: { b: adj_y } });
      const weights = node('Softmax', `${name}/weights`, [times(queries, keys, `${name}/scores`, true)]);
      const together = turned(times(weights, mixed, `${name}/mixed`, false), `${name}/turned`, 0, 2, 1, 3);
      const y = product(reshaped(together, `${name}/joined`, -1, channels), `${name}.proj`, [channels, channels], proj);
      const sum = node('AddV2', `${name}/biased`, [y, vector(`${name}.proj.bias`, bias)]);
      return reshaped(sum, `${name}/tokens`, -1, places, channels);
    },
    flatten(x, { features }) {
      layout = 'flat';
      return reshaped(x, `${x}/flat`, -1, features);
    },
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
