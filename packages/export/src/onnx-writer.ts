import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { Float16Array } from '@petamoriken/float16';
import { check } from '@protomem/core';
import type { ActivationRanges, DefinedEncoder, Range } from '@protomem/encoders';
import { AttributeProto_AttributeType, ModelProtoSchema, type NodeProtoSchema, TensorProto_DataType } from 'onnx-buf';
import { type GraphWriter, type ValuesOf, writeLayers } from './graph.ts';
import { torchTensors, transpose } from './torch-layout.ts';
import { fromPlainPixels, type WriteSettings } from './write-model.ts';

const { FLOAT, FLOAT16, INT8, INT32, INT64, UINT8 } = TensorProto_DataType;

/** The IR version that belongs to an operator set, for those that the layers of encoders mean the same in. */
export const irVersions: Readonly<Record<number, number>> = {
  9: 4,
  10: 5,
  11: 6,
  12: 7,
  13: 7,
  14: 7,
  15: 8,
  16: 8,
  17: 8,
  18: 8,
  19: 9,
  20: 9,
  21: 10,
  22: 10,
};

/** Attributes that are floats, though they may be whole. */
const floats = new Set(['epsilon', 'alpha', 'beta', 'min', 'max']);

/** Name of the input, as InsightFace's exports have it, and of the output. */
const [INPUT, OUTPUT] = ['data', 'embedding'];

type Node = MessageInitShape<typeof NodeProtoSchema>;
type TensorData = Float32Array | BigInt64Array | Int32Array | Int8Array | Uint8Array;

/** Weights, and the axis of their output channels. */
interface Kernel {
  readonly shape: readonly number[];
  readonly data: Float32Array;
  readonly axis: number;
}

/** `number = scale * (bits - zero)` for bits 0 ... 255 that cover a range, with nought among them. */
function lineOfRange([low, high]: Range): { readonly scale: number; readonly zero: number } {
  const [least, greatest] = [Math.min(low, 0), Math.max(high, 0)];
  const scale = Math.fround((greatest - least) / 255) || 1;
  return { scale, zero: Math.min(255, Math.round(-least / scale)) };
}

/**
 * The greatest number that a weight gets. Not 127: of twice 255 * 127, as processors without dot products of 8 bits add
 * them up, 16 bits would not hold the sum.
 */
const GREATEST = 64;

/** @internal The node that puts mirror images behind images. */
export const MIRRORED = 'Concat_mirror';

/**
 * Weights as whole numbers, with a scale of each channel.
 *
 * @param least of the scales, for each channel
 */
function channelsInEightBits(data: Float32Array, shape: readonly number[], axis: number, least?: Float32Array) {
  const channels = shape[axis]!;
  const inner = shape.slice(axis + 1).reduce((product, side) => product * side, 1);
  const channelOf = (i: number): number => Math.floor(i / inner) % channels;
  const greatest = new Float32Array(channels);
  data.forEach((value, i) => {
    greatest[channelOf(i)] = Math.max(greatest[channelOf(i)]!, Math.abs(value));
  });
  const scales = greatest.map((value, channel) => Math.max(value / GREATEST, least?.[channel] ?? 0) || 1);
  return { bits: Int8Array.from(data, (value, i) => Math.round(value / scales[channelOf(i)]!)), scales };
}

/**
 * An ONNX model: `data` `[batch, 3, H, W]` to `embedding` `[batch, D]`, float32 both. Nodes are named by operator and
 * layer, so that with the normalisation inside, and only then, the first ones are `Sub_0` and `Mul_0`, by which InsightFace's
 * loader knows a model that takes bytes.
 *
 * @param ranges for 8 bits: what layers get and give. Convolutions and products are then between `QuantizeLinear` and
 *   `DequantizeLinear`, which a runtime computes in whole numbers: activations in 8 bits from the least to the greatest number,
 *   weights in 7, with a scale of each output channel. All else stays in 32 bits, attention's scores and what they mix, too.
 */
export function writeOnnx(
  { card, layers, parameters }: DefinedEncoder,
  values: ValuesOf,
  { normalize, flip, precision, opset, metadata }: WriteSettings,
  ranges?: ActivationRanges,
): Uint8Array<ArrayBuffer> {
  const [height, width] = card.inputSize;
  const half = precision === 'float16';
  const nodes: Node[] = [];
  const tensors: { name: string; dims: bigint[]; dataType: TensorProto_DataType; rawData: Uint8Array<ArrayBuffer> }[] =
    [];
  const names = new Map(
    torchTensors(
      layers,
      parameters.map(({ name, variable }) => ({ name, shape: variable.shape })),
    ).map((one) => [one.name, one]),
  );

  const types = new Map<unknown, TensorProto_DataType>([
    [Float32Array, FLOAT],
    [Float16Array, FLOAT16],
    [BigInt64Array, INT64],
    [Int32Array, INT32],
    [Int8Array, INT8],
    [Uint8Array, UINT8],
  ]);
  const tensor = (name: string, shape: readonly number[], data: TensorData, wide = !half): string => {
    const stored = data instanceof Float32Array && !wide ? new Float16Array(data) : data;
    const dataType = types.get(stored.constructor)!;
    const rawData = new Uint8Array(stored.buffer as ArrayBuffer, stored.byteOffset, stored.byteLength);
    tensors.push({ name, dims: shape.map(BigInt), dataType, rawData });
    return name;
  };
  const integers = (name: string, shape: readonly number[], data: readonly number[]): string =>
    tensor(name, shape, BigInt64Array.from(data, BigInt));
  const node = (
    opType: string,
    name: string,
    input: string[],
    attributes: Readonly<Record<string, number | readonly number[]>> = {},
    output = name,
  ): string => {
    const attribute = Object.entries(attributes).map(([name, value]) =>
      typeof value !== 'number'
        ? { name, type: AttributeProto_AttributeType.INTS, ints: value.map(BigInt) }
        : floats.has(name)
          ? { name, type: AttributeProto_AttributeType.FLOAT, f: value }
          : { name, type: AttributeProto_AttributeType.INT, i: BigInt(value) },
    );
    nodes.push({ opType, name, input, output: [output], attribute });
    return output;
  };

  /** Numbers of 8 bits and what they stand for; once for each tensor. */
  const quantized = new Map<string, string>();
  const inEightBits = (x: string, range: Range): string => {
    const known = quantized.get(x);
    if (known) return known;
    const { scale, zero } = lineOfRange(range);
    const line = [tensor(`${x}.scale`, [], Float32Array.of(scale)), tensor(`${x}.zero`, [], Uint8Array.of(zero))];
    const bits = node('QuantizeLinear', `QuantizeLinear_${x}`, [x, ...line]);
    const y = node('DequantizeLinear', `DequantizeLinear_${x}`, [bits, ...line]);
    quantized.set(x, y);
    return y;
  };
  /** Of 8 bits with the scales of their channels. */
  const weights = (
    name: string,
    { shape, data, axis }: Kernel,
    least?: Float32Array,
  ): { readonly kernel: string; scales?: Float32Array } => {
    if (precision !== 'int8') return { kernel: tensor(name, shape, data) };
    const { bits, scales } = channelsInEightBits(data, shape, axis, least);
    const parts = [tensor(name, shape, bits), tensor(`${name}.scale`, [scales.length], scales)];
    return { kernel: node('DequantizeLinear', `DequantizeLinear_${name}`, parts, { axis }), scales };
  };
  /** `x`, weights and bias as the operator of a layer takes them, and what it gives. */
  const product = (
    x: string,
    { name }: { readonly name: string },
    weight: Kernel,
    bias: Float32Array | undefined,
    write: (inputs: string[]) => string,
  ): string => {
    const range = ranges?.get(name);
    // A bias is a whole number of 32 bits times the scales of weights and input: where weights are next to nothing, theirs is raised.
    const step = range && lineOfRange(range.input).scale;
    const least = step ? bias?.map((value) => Math.abs(value) / (step * 2 ** 30)) : undefined;
    const { kernel, scales } = weights(`${name}.weight`, weight, least);
    if (!range || !scales) return write([x, kernel, ...(bias ? [tensor(`${name}.bias`, [bias.length], bias)] : [])]);
    const inputs = [inEightBits(x, range.input), kernel];
    if (bias) {
      const steps = scales.map((scale) => scale * step!);
      const whole = Int32Array.from(bias, (value, i) => Math.round(value / steps[i]!));
      const parts = [tensor(`${name}.bias`, [bias.length], whole), tensor(`${name}.bias.scale`, [bias.length], steps)];
      inputs.push(node('DequantizeLinear', `DequantizeLinear_${name}.bias`, parts, { axis: 0 }));
    }
    return inEightBits(write(inputs), range.output);
  };

  /** `[batch, channels, H, W]`, `[batch, places, channels]` or `[batch, channels]`. */
  let layout: 'maps' | 'tokens' | 'flat' = 'maps';
  /** Refuses what the layers here stand for on no such tensor. */
  const needs = (one: typeof layout, kind: string): void =>
    check(layout === one, () => ({
      where: 'export',
      what: `a layer of the kind ${kind}`,
      got: `on ${layout}`,
      expected: `on ${one}: ONNX is written for no other`,
    }));
  const matMul = (x: string, name: string, [rows, columns]: readonly [number, number], weight: Float32Array): string =>
    node('MatMul', `MatMul_${name}`, [
      x,
      weights(`${name}.weight`, { shape: [rows, columns], data: weight, axis: 1 }).kernel,
    ]);
  const plus = (x: string, name: string, bias: Float32Array): string =>
    node('Add', `Add_${name}`, [x, tensor(`${name}.bias`, [bias.length], bias)]);
  /** Over the channels of tokens. */
  const mean = (x: string, name: string): string =>
    opset < 18
      ? node('ReduceMean', name, [x], { axes: [2], keepdims: 1 })
      : node('ReduceMean', name, [x, integers(`${name}.axes`, [1], [2])], { keepdims: 1 });
  const relu6 = (x: string): string => {
    const limits = { min: 0, max: 6 };
    if (opset < 11) return node('Clip', `Clip_${x}`, [x], limits);
    const bounds = Object.entries(limits).map(([name, limit]) => tensor(`${x}.${name}`, [], Float32Array.of(limit)));
    return node('Clip', `Clip_${x}`, [x, ...bounds]);
  };
  /** OpenCV 5.0 has another slope for `HardSigmoid` than the one that is written. */
  const hardSigmoid = (x: string, name: string): string => {
    const raised = node('Add', `Gate_${name}.raised`, [x, tensor(`${name}.three`, [1], Float32Array.of(3))]);
    return node('Mul', `Gate_${name}.share`, [relu6(raised), tensor(`${name}.sixth`, [1], Float32Array.of(1 / 6))]);
  };

  const writer: GraphWriter = {
    convolution(x, layer, weight, bias) {
      const { shape, toTorch } = names.get(`${layer.name}.weight`)!;
      const { kernel, stride, padding } = layer;
      return product(x, layer, { shape, data: toTorch(weight), axis: 0 }, bias, (inputs) =>
        node('Conv', `Conv_${layer.name}`, inputs, {
          kernel_shape: kernel,
          strides: [stride, stride],
          pads: [padding, padding, padding, padding],
          dilations: [1, 1],
          group: layer.kind === 'depthwise' ? layer.channels : 1,
        }),
      );
    },
    dense(x, layer, weight, bias) {
      const {
        name,
        inputs: [rows, columns, channels],
        outputs,
      } = layer;
      const input = layout === 'flat' ? x : node('Flatten', `Flatten_${name}`, [x], { axis: 1 });
      layout = 'flat';
      const data = transpose(weight, [rows, columns, channels, outputs], [3, 2, 0, 1]);
      return product(input, layer, { shape: [outputs, rows * columns * channels], data, axis: 0 }, bias, (inputs) =>
        node('Gemm', `Gemm_${name}`, inputs, { transB: 1 }),
      );
    },
    affine(x, name, scale, shift) {
      const [zeros, ones] = [scale.map(() => 0), scale.map(() => 1)];
      const parts = { weight: scale, bias: shift, running_mean: zeros, running_var: ones };
      const inputs = Object.entries(parts).map(([part, data]) => tensor(`${name}.${part}`, [data.length], data));
      return node('BatchNormalization', `BatchNormalization_${name}`, [x, ...inputs], { epsilon: 0 });
    },
    prelu(x, name, slopes) {
      const shape = layout === 'maps' ? [slopes.length, 1, 1] : [slopes.length];
      return node('PRelu', `PRelu_${name}`, [x, tensor(`${name}.weight`, shape, slopes)]);
    },
    add: (a, b, name) => node('Add', `Add_${name}`, [a, b]),
    activation: (x, of) => (of === 'relu' ? node('Relu', `Relu_${x}`, [x]) : relu6(x)),
    pool(x, name) {
      needs('maps', 'gate');
      return node('GlobalAveragePool', `GlobalAveragePool_${name}`, [x]);
    },
    gate(x, logits, of, name) {
      const share = of === 'sigmoid' ? node('Sigmoid', `Sigmoid_${name}`, [logits]) : hardSigmoid(logits, name);
      // A name that begins with Mul among the first nodes would tell of pixels.
      return node('Mul', `Gate_${name}`, [x, share]);
    },
    concatenation: (a, b, name) => node('Concat', `Concat_${name}`, [a, b], { axis: layout === 'tokens' ? 2 : 1 }),
    tokens(x, { name, size: [rows, columns], channels }, vectors) {
      needs('maps', 'tokens');
      layout = 'tokens';
      const shape = integers(`${name}.shape`, [3], [0, channels, rows * columns]);
      const places = node('Reshape', `Reshape_${name}`, [x, shape]);
      const turned = node('Transpose', `Transpose_${name}`, [places], { perm: [0, 2, 1] });
      return node('Add', `Add_${name}`, [turned, tensor(name, [1, rows * columns, channels], vectors)]);
    },
    layerNorm(x, name, scale, offset) {
      needs('tokens', 'layer-norm');
      // As for gates of the names, and in 32 bits, since squares are more than 16 bits hold.
      const start = `LayerNorm_${name}`;
      const vector = (part: string, data: Float32Array): string => tensor(`${name}.${part}`, [data.length], data, true);
      const wide = half ? node('Cast', `${start}.wide`, [x], { to: FLOAT }) : x;
      const centered = node('Sub', `${start}.centered`, [wide, mean(wide, `${start}.mean`)]);
      const variance = mean(node('Mul', `${start}.squares`, [centered, centered]), `${start}.variance`);
      const spread = node('Add', `${start}.spread`, [variance, vector('epsilon', Float32Array.of(1e-5))]);
      const unit = node('Div', `${start}.unit`, [centered, node('Sqrt', `${start}.std`, [spread])]);
      const scaled = node('Mul', `${start}.scaled`, [unit, vector('weight', scale)]);
      const y = node('Add', start, [scaled, vector('bias', offset)]);
      return half ? node('Cast', `${start}.half`, [y], { to: FLOAT16 }) : y;
    },
    linear(x, layer, weight, bias) {
      const { name, inputs, outputs } = layer;
      if (layout === 'maps') {
        const data = transpose(weight, [1, 1, inputs, outputs], [3, 2, 0, 1]);
        return product(x, layer, { shape: [outputs, inputs, 1, 1], data, axis: 0 }, bias, (operands) =>
          node('Conv', `Conv_${name}`, operands, { kernel_shape: [1, 1] }),
        );
      }
      const range = ranges?.get(name);
      const y = matMul(range ? inEightBits(x, range.input) : x, name, [inputs, outputs], weight);
      return bias ? plus(y, name, bias) : y;
    },
    attention(x, { name, channels, heads }, { q, k, v, proj, bias }) {
      needs('tokens', 'attention');
      const range = ranges?.get(name);
      const given = range ? inEightBits(x, range.input) : x;
      const split = integers(`${name}.heads`, [4], [0, -1, heads, channels / heads]);
      const [queries, keys, mixed] = Object.entries({ q, k, v }).map(([part, weight]) => {
        const of = `${name}.${part}`;
        const y = node('Reshape', `Reshape_${of}`, [matMul(given, of, [channels, channels], weight), split]);
        return node('Transpose', `Transpose_${of}`, [y], { perm: part === 'k' ? [0, 2, 3, 1] : [0, 2, 1, 3] });
      }) as [string, string, string];
      const scores = node('MatMul', `MatMul_${name}.scores`, [queries, keys]);
      const weights = node('Softmax', `Softmax_${name}`, [scores], { axis: 3 });
      const y = node('MatMul', `MatMul_${name}.mixed`, [weights, mixed]);
      const turned = node('Transpose', `Transpose_${name}`, [y], { perm: [0, 2, 1, 3] });
      const joined = integers(`${name}.joined`, [3], [0, -1, channels]);
      const all = node('Reshape', `Reshape_${name}`, [turned, joined]);
      return plus(matMul(all, `${name}.proj`, [channels, channels], proj), `${name}.proj`, bias);
    },
    flatten(x) {
      // Of maps, the channels of a place are not side by side.
      const places = layout === 'maps' ? node('Transpose', `Transpose_${x}`, [x], { perm: [0, 2, 3, 1] }) : x;
      layout = 'flat';
      return node('Flatten', `Flatten_${x}`, [places], { axis: 1 });
    },
  };

  let x = INPUT;
  if (normalize === 'inside') {
    const { mean, std } = card.normalization;
    x = node('Sub', 'Sub_0', [x, tensor('mean', [1], Float32Array.of(mean), true)]);
    x = node('Mul', 'Mul_0', [x, tensor('scale', [1], Float32Array.of(1 / std), true)]);
  }
  if (half) x = node('Cast', 'Cast_in', [x], { to: FLOAT16 });
  // Behind the cast: up to operator set 14 all inputs of an affine layer have one type.
  const line = normalize === 'outside' ? fromPlainPixels(card.normalization) : undefined;
  if (line) x = writer.affine(x, 'pixels', line.scale, line.shift);
  if (flip) {
    const columns = Array.from({ length: width }, (_, i) => width - 1 - i);
    const mirrored = node('Gather', 'Gather_mirror', [x, integers('columns', [width], columns)], { axis: 3 });
    x = node('Concat', MIRRORED, [x, mirrored], { axis: 0 });
  }
  x = writeLayers(writer, layers, values, x);
  if ((layout as string) !== 'flat') x = node('Flatten', 'Flatten_embedding', [x], { axis: 1 });
  if (flip) {
    const both = node('Reshape', 'Reshape_both', [x, integers('both', [3], [2, -1, card.embeddingSize])]);
    const [straight, mirrored] = [0, 1].map((i) =>
      node('Gather', `Gather_${i}`, [both, integers(`half${i}`, [], [i])], { axis: 0 }),
    );
    x = node('Add', 'Add_both', [straight!, mirrored!]);
  }
  if (half) x = node('Cast', 'Cast_out', [x], { to: FLOAT });
  nodes.at(-1)!.output = [OUTPUT];

  const valueInfo = (name: string, shape: readonly (string | number)[]) => ({
    name,
    type: {
      value: {
        case: 'tensorType' as const,
        value: {
          elemType: FLOAT,
          shape: {
            dim: shape.map((side) => ({
              value:
                typeof side === 'string'
                  ? { case: 'dimParam' as const, value: side }
                  : { case: 'dimValue' as const, value: BigInt(side) },
            })),
          },
        },
      },
    },
  });
  const model = create(ModelProtoSchema, {
    irVersion: BigInt(irVersions[opset]!),
    producerName: 'protomem',
    opsetImport: [{ domain: '', version: BigInt(opset) }],
    metadataProps: Object.entries(metadata).map(([key, value]) => ({ key, value })),
    graph: {
      name: card.name,
      node: nodes,
      initializer: tensors,
      input: [valueInfo(INPUT, ['batch', 3, height, width])],
      output: [valueInfo(OUTPUT, ['batch', card.embeddingSize])],
    },
  });
  return toBinary(ModelProtoSchema, model);
}
