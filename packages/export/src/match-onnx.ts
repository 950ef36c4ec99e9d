import { fromBinary } from '@bufbuild/protobuf';
import { Float16Array } from '@petamoriken/float16';
import { check, ProtomemError } from '@protomem/core';
import { type Layer, normEpsilon } from '@protomem/encoders';
import {
  ModelProtoSchema,
  type NodeProto,
  type TensorProto,
  TensorProto_DataLocation,
  TensorProto_DataType,
} from 'onnx-buf';
import { MIRRORED } from './onnx-writer.ts';
import { type TorchTensor, transpose } from './torch-layout.ts';

/** The weights of an ONNX model that is a network of ours. */
export interface Matched {
  /** By parameter, in our order. */
  readonly values: ReadonlyMap<string, Float32Array>;
  /** Norms that the graph has folded into the weights beside them; here they do nothing yet. */
  readonly folded: ReadonlySet<string>;
}

/** What leaves its input as it is. */
const carriers = new Set(['Identity', 'Dropout', 'Cast']);
const shapers = new Set(['Flatten', 'Reshape', 'Squeeze']);

type Linear = Extract<Layer, { kind: 'convolution' | 'depthwise' | 'dense' }>;
type Norm = Extract<Layer, { kind: 'norm' }>;

/**
 * Walks an ONNX graph along the layers of an encoder, whatever its tensors are called. Batch norms may stand in the graph or
 * have been folded into the convolution before, or the linear layer behind, as exporters do.
 *
 * @param start the tensor that the first layer takes.
 * @param weights those of the encoder as PyTorch has them: the order of ONNX is the same.
 * @throws ProtomemError at the first node or tensor that does not fit
 */
export function matchOnnx(
  file: string,
  bytes: Uint8Array,
  start: string | undefined,
  encoder: { readonly name: string; readonly layers: readonly Layer[]; readonly weights: readonly TorchTensor[] },
): Matched {
  check(!encoder.layers.some(({ kind }) => kind === 'tokens'), () => ({
    ...{ where: file, what: `an ONNX graph as ${encoder.name}`, got: 'a network of tokens' },
    expected: 'a convolutional encoder: exporters write attention in too many ways to find its weights',
    fix: 'Import its state_dict, .safetensors or .pth; or use the ONNX file as it is, as a teacher or to evaluate.',
  }));
  const graph = graphOf(file, bytes);
  const written = graph?.node ?? [];
  const constants = new Map((graph?.initializer ?? []).map((tensor) => [tensor.name, tensor]));
  /** What a carrier gives is the tensor that it takes, a weight that exporters keep once too. */
  const carried = new Map<string, string>();
  for (const { opType, input, output, attribute } of written) {
    const value = opType === 'Constant' ? attribute.find(({ name }) => name === 'value')?.t : undefined;
    if (value) constants.set(output[0]!, value);
    if (carriers.has(opType)) carried.set(output[0] ?? '', input[0] ?? '');
  }
  const source = (name: string): string => {
    let at = name;
    for (let left = carried.size; carried.has(at); left--) {
      check(left > 0, () => ({
        where: file,
        what: `tensor ${name}`,
        got: 'its own input',
        expected: 'a graph without circles',
      }));
      at = carried.get(at)!;
    }
    return at;
  };
  // What asks for a shape computes nothing of the network: exporters flatten by it.
  const nodes = written
    .filter(({ opType }) => opType !== 'Shape' && !carriers.has(opType))
    .map((node) => ({ ...node, input: node.input.map(source) }));
  const isQuantized = nodes.some(({ opType }) => opType === 'QuantizeLinear');
  const isMirrored = nodes.some(({ name }) => name === MIRRORED);
  check(!isQuantized && !isMirrored, () => ({
    where: file,
    what: 'the ONNX graph',
    got: isQuantized ? 'quantized to 8 bits' : 'one that adds the mirror image',
    expected: 'one of plain weights',
    fix: 'Import the model that it was made of.',
  }));
  const wanted = new Map(encoder.weights.map((one) => [one.name, one]));
  const values = new Map<string, Float32Array>();
  const folded = new Set<string>();
  const input = (graph?.input ?? []).find(({ name }) => !constants.has(name));

  const refuse = (what: string, got: string, expected: string): never => {
    const fix = `It is no ${encoder.name} of this size: name another with --as, --input-size, --embedding-size or --width.`;
    throw new ProtomemError({ where: file, what, got, expected, fix });
  };
  const users = (x: string): NodeProto[] => nodes.filter(({ input }) => input.includes(x));
  /** The tensor behind whatever only changes a shape. */
  const behindShapers = (x: string): string => {
    let at = x;
    for (let left = nodes.length; left > 0; left--) {
      const [next] = users(at);
      if (!next || !shapers.has(next.opType)) break;
      at = next.output[0] ?? '';
    }
    return at;
  };
  /** The one operation of some type on a tensor that `fits`, and the tensor it takes. */
  const follow = (x: string, type: string, layer: string, fits = (_: NodeProto): boolean => true): NodeProto => {
    const all = users(x);
    const node = all.find((one) => one.opType === type && fits(one));
    return (
      node ??
      refuse(
        `what follows tensor ${x}`,
        all.map(({ opType, name }) => `${opType} ${name}`).join(', ') || 'nothing',
        `${type} that can be the layer ${layer}`,
      )
    );
  };
  const integers = (node: NodeProto, name: string, standard: readonly number[]): readonly number[] => {
    const found = node.attribute.find((one) => one.name === name);
    if (!found) return standard;
    return found.ints.length > 0 ? found.ints.map(Number) : [Number(found.i)];
  };
  const dims = (name: string): readonly number[] => constants.get(name)?.dims.map(Number) ?? [];
  const numbers = (name: string, count: number): Float32Array => {
    const tensor = constants.get(name);
    const data = tensor && valuesOf(file, tensor);
    if (!data || data.length !== count || !data.every(Number.isFinite)) {
      return refuse(`tensor ${name}`, data ? `${data.length} numbers` : 'no constant', `${count} finite numbers`);
    }
    return data;
  };
  /** One value of all channels, or one of each. */
  const vector = (name: string, count: number): Float32Array => {
    const one = dims(name).reduce((a, b) => a * b, 1) === 1;
    return one ? new Float32Array(count).fill(numbers(name, 1)[0]!) : numbers(name, count);
  };
  const product = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

  /** A norm that stands in the graph. `moved` is a number that is added to each channel before. */
  function readNorm(
    { name, channels, epsilon: ours = normEpsilon }: Norm,
    node: NodeProto,
    moved?: Float32Array,
  ): void {
    const [weight, bias, mean, variance] = [1, 2, 3, 4].map((i) => numbers(node.input[i] ?? '', channels));
    const epsilon = node.attribute.find((one) => one.name === 'epsilon')?.f ?? 1e-5;
    values.set(`${name}.weight`, weight!);
    values.set(`${name}.bias`, bias!);
    values.set(`${name}.running_mean`, moved ? mean!.map((one, i) => one - moved[i]!) : mean!);
    // Ours adds what its layer says to the variance.
    values.set(
      `${name}.running_var`,
      variance!.map((one) => one + (Math.abs(epsilon - ours) < 1e-9 ? 0 : epsilon - ours)),
    );
  }

  /** A norm that is part of the weights already: it adds what those before it do not, and else does nothing. */
  function makeNorm({ name, channels, epsilon = normEpsilon }: Norm, bias?: Float32Array): void {
    folded.add(name);
    values.set(`${name}.weight`, new Float32Array(channels).fill(1));
    values.set(`${name}.bias`, bias ?? new Float32Array(channels));
    values.set(`${name}.running_mean`, new Float32Array(channels));
    values.set(`${name}.running_var`, new Float32Array(channels).fill(1 - epsilon));
  }

  /** A norm after weights, in the graph or not; returns the tensor behind it. */
  function normAfter(norm: Norm, x: string, bias?: Float32Array): string {
    const [node] = users(x);
    if (node?.opType !== 'BatchNormalization') {
      makeNorm(norm, bias);
      return x;
    }
    readNorm(norm, node, bias);
    return node.output[0]!;
  }

  function convolution(layer: Exclude<Linear, { kind: 'dense' }>, x: string): { y: string; bias?: Float32Array } {
    const { shape, fromTorch } = wanted.get(`${layer.name}.weight`)!;
    const node = follow(x, 'Conv', layer.name, ({ input }) => dims(input[1] ?? '').join() === shape.join());
    const { stride, padding } = layer;
    const rules: readonly [string, readonly number[], readonly number[]][] = [
      ['strides', [1, 1], [stride, stride]],
      ['pads', [0, 0, 0, 0], [padding, padding, padding, padding]],
      ['dilations', [1, 1], [1, 1]],
      ['group', [1], [layer.kind === 'depthwise' ? layer.channels : 1]],
    ];
    for (const [name, standard, expected] of rules) {
      const got = integers(node, name, standard);
      if (got.join() !== expected.join())
        refuse(`${name} of ${node.name}`, `[${got}]`, `[${expected}], as ${layer.name} has`);
    }
    values.set(`${layer.name}.weight`, fromTorch(numbers(node.input[1]!, product(shape))));
    const channels = shape[0]!;
    return { y: node.output[0]!, ...(node.input[2] ? { bias: numbers(node.input[2], channels) } : {}) };
  }

  function dense({ name, inputs, outputs }: Extract<Layer, { kind: 'dense' }>, x: string): string {
    const at = behindShapers(x);
    const rows = product(inputs);
    const [node] = users(at);
    if (node?.opType === 'MatMul') {
      const matrix = transpose(numbers(node.input[1]!, rows * outputs), [1, 1, rows, outputs], [0, 1, 3, 2]);
      values.set(`${name}.weight`, wanted.get(`${name}.weight`)!.fromTorch(matrix));
      const sum = follow(node.output[0]!, 'Add', name);
      values.set(`${name}.bias`, numbers(sum.input.find((one) => one !== node.output[0])!, outputs));
      return sum.output[0]!;
    }
    const gemm = follow(at, 'Gemm', name);
    for (const scale of ['alpha', 'beta']) {
      const found = gemm.attribute.find((one) => one.name === scale)?.f ?? 1;
      if (found !== 1) refuse(`${scale} of ${gemm.name}`, String(found), '1');
    }
    const across = integers(gemm, 'transB', [0])[0] === 1;
    const shape = across ? [outputs, rows] : [rows, outputs];
    if (dims(gemm.input[1]!).join() !== shape.join()) {
      refuse(`tensor ${gemm.input[1]}`, `[${dims(gemm.input[1]!)}]`, `[${shape}], as ${name} has`);
    }
    const stored = numbers(gemm.input[1]!, rows * outputs);
    const matrix = across ? stored : transpose(stored, [1, 1, rows, outputs], [0, 1, 3, 2]);
    values.set(`${name}.weight`, wanted.get(`${name}.weight`)!.fromTorch(matrix));
    values.set(`${name}.bias`, gemm.input[2] ? vector(gemm.input[2], outputs) : new Float32Array(outputs));
    return gemm.output[0]!;
  }

  /** `min(max(x + 3, 0), 6) / 6`, as one operator or as three. */
  function behindHardSigmoid(x: string): string {
    const whole = users(x).find(({ opType }) => opType === 'HardSigmoid');
    if (!whole) {
      const constant = (node: NodeProto): number => vector(node.input.find((one) => constants.has(one)) ?? '', 1)[0]!;
      const sum = follow(x, 'Add', 'a gate', (node) => constant(node) === 3);
      const clipped = follow(sum.output[0]!, 'Clip', 'a gate').output[0]!;
      const divided = users(clipped).find(({ opType }) => opType === 'Div');
      const last = divided ?? follow(clipped, 'Mul', 'a gate');
      const factor = divided ? 1 / constant(divided) : constant(last);
      if (Math.abs(factor - 1 / 6) > 1e-6) refuse(`what ${last.name} multiplies by`, String(factor), 'a sixth');
      return last.output[0]!;
    }
    const alpha = whole.attribute.find(({ name }) => name === 'alpha')?.f ?? 0.2;
    if (Math.abs(alpha - 1 / 6) > 1e-6) refuse(`alpha of ${whole.name}`, String(alpha), 'a sixth');
    return whole.output[0]!;
  }

  function walk(layers: readonly Layer[], from: string): string {
    let x = from;
    const kept = layers.filter(({ kind }) => kind !== 'dropout');
    for (let i = 0; i < kept.length; i++) {
      const [layer, next] = [kept[i]!, kept[i + 1]];
      switch (layer.kind) {
        case 'convolution':
        case 'depthwise': {
          const { y, bias } = convolution(layer, x);
          x = y;
          if (next?.kind === 'norm') {
            x = normAfter(next, y, bias);
            i++;
          } else if (bias && !layer.bias)
            refuse(`the bias of ${layer.name}`, 'in the graph', 'none, or a norm behind it');
          else if (layer.bias)
            values.set(`${layer.name}.bias`, bias ?? new Float32Array(wanted.get(`${layer.name}.bias`)!.shape[0]!));
          break;
        }
        case 'dense':
          x = dense(layer, x);
          if (next?.kind === 'norm') {
            x = normAfter(next, x);
            i++;
          }
          break;
        case 'norm': {
          const found = users(x).find(({ opType }) => opType === 'BatchNormalization');
          if (!found && next?.kind === 'dense') {
            makeNorm(layer);
            break;
          }
          const node = follow(x, 'BatchNormalization', layer.name);
          readNorm(layer, node);
          x = node.output[0]!;
          break;
        }
        case 'prelu': {
          const node = follow(x, 'PRelu', layer.name);
          values.set(`${layer.name}.weight`, vector(node.input[1]!, layer.channels));
          x = node.output[0]!;
          break;
        }
        case 'residual': {
          const body = walk(layer.body, x);
          const shortcut = walk(layer.shortcut, x);
          const sum = follow(body, 'Add', 'the end of a block', ({ input }) => input.includes(shortcut));
          x = sum.output[0]!;
          break;
        }
        case 'gate': {
          const pool = users(x).find(({ opType }) => opType === 'GlobalAveragePool' || opType === 'ReduceMean');
          const pooled = (pool ?? follow(x, 'GlobalAveragePool', 'the mean of a gate')).output[0]!;
          const logits = walk(layer.body, pooled);
          const share =
            layer.of === 'sigmoid' ? follow(logits, 'Sigmoid', 'a gate').output[0]! : behindHardSigmoid(logits);
          const from = x;
          x = follow(share, 'Mul', 'a gate', ({ input }) => input.includes(from)).output[0]!;
          break;
        }
        case 'concatenation': {
          const [first, body] = [x, walk(layer.body, x)];
          const inOrder = ({ input }: NodeProto): boolean => input[0] === first && input[1] === body;
          x = follow(body, 'Concat', 'channels side by side', inOrder).output[0]!;
          break;
        }
        case 'activation':
          x = follow(x, layer.of === 'relu' ? 'Relu' : 'Clip', layer.of).output[0]!;
          break;
        default:
          refuse('a layer', layer.kind, 'one that ONNX graphs are read for');
      }
    }
    return x;
  }

  const x = start ?? input?.name ?? refuse('the graph', 'without an input', 'one input');
  const end = behindShapers(walk(encoder.layers, source(x)));
  const [more] = users(end);
  check(!more || more.opType === 'LpNormalization' || more.opType === 'ReduceL2', () => ({
    where: file,
    what: 'the graph',
    got: `with ${more!.opType} ${more!.name} behind the embedding`,
    expected: `nothing behind the last layer of ${encoder.name}`,
  }));
  return { values, folded };
}

function graphOf(file: string, bytes: Uint8Array) {
  try {
    return fromBinary(ModelProtoSchema, bytes).graph;
  } catch (error) {
    const got = `not to be read (${(error as Error).message})`;
    throw new ProtomemError({ where: file, what: 'the file', got, expected: 'an ONNX model' }, { cause: error });
  }
}

const readers: Partial<Record<TensorProto_DataType, (raw: ArrayBuffer) => Float32Array>> = {
  [TensorProto_DataType.FLOAT]: (raw) => new Float32Array(raw),
  [TensorProto_DataType.DOUBLE]: (raw) => Float32Array.from(new Float64Array(raw)),
  [TensorProto_DataType.FLOAT16]: (raw) => Float32Array.from(new Float16Array(raw)),
};

function valuesOf(file: string, tensor: TensorProto): Float32Array {
  const { name, dataType, rawData, floatData, doubleData, int32Data, dataLocation } = tensor;
  const refuse = (got: string, expected: string): never => {
    throw new ProtomemError({ where: file, what: `tensor ${name}`, got, expected });
  };
  if (dataLocation === TensorProto_DataLocation.EXTERNAL) {
    return refuse('in a file beside the model', 'weights inside it: save it with save_as_external_data=False');
  }
  if (rawData.length === 0) {
    // Halves are kept as their bits.
    if (dataType === TensorProto_DataType.FLOAT16) return readers[dataType]!(Uint16Array.from(int32Data).buffer);
    return Float32Array.from([...floatData, ...doubleData]);
  }
  const read = readers[dataType as TensorProto_DataType];
  if (!read) return refuse(`of ONNX's type ${dataType}`, 'floats of 16, 32 or 64 bits');
  try {
    // A slice of a Buffer would be a view.
    return read(new Uint8Array(rawData).buffer);
  } catch {
    return refuse(`${rawData.length} bytes`, 'as many as its numbers take');
  }
}
