import { type DefinedEncoder, type Layer, normEpsilon, partsOf } from '@protomem/encoders';

/** Layers as a writer of some format takes them, one after the other. Tensors have names, which methods return. */
export interface GraphWriter {
  convolution(x: string, layer: Convolution, weight: Float32Array, bias?: Float32Array): string;
  dense(x: string, layer: LayerOf<'dense'>, weight: Float32Array, bias: Float32Array): string;
  /** `x * scale + shift`, of each channel. */
  affine(x: string, name: string, scale: Float32Array, shift: Float32Array): string;
  prelu(x: string, name: string, slopes: Float32Array): string;
  add(a: string, b: string, name: string): string;
  activation(x: string, of: LayerOf<'activation'>['of']): string;
  /** The mean of each channel of maps, as maps of one place. */
  pool(x: string, name: string): string;
  /** `x` times what the gate makes of `logits`, those of each channel. */
  gate(x: string, logits: string, of: LayerOf<'gate'>['of'], name: string): string;
  /** The channels of both. */
  concatenation(a: string, b: string, name: string): string;
  tokens(x: string, layer: LayerOf<'tokens'>, vectors: Float32Array): string;
  layerNorm(x: string, name: string, scale: Float32Array, offset: Float32Array): string;
  linear(x: string, layer: LayerOf<'linear'>, weight: Float32Array, bias?: Float32Array): string;
  attention(x: string, layer: LayerOf<'attention'>, weights: AttentionWeights): string;
  /** Places one after the other, the channels of each side by side. */
  flatten(x: string, layer: LayerOf<'flatten'>): string;
}

type LayerOf<K extends Layer['kind']> = Extract<Layer, { readonly kind: K }>;

/** Matrices `[channels, channels]`; that of the queries has the scale of scores in it. */
interface AttentionWeights {
  readonly q: Float32Array;
  readonly k: Float32Array;
  readonly v: Float32Array;
  readonly proj: Float32Array;
  readonly bias: Float32Array;
}

/** One with a kernel for each channel, where `kind` says so, has `[height, width, channels, 1]`, else `[height, width, in, out]`. */
type Convolution = LayerOf<'convolution' | 'depthwise'>;

/** The values of a parameter. */
export type ValuesOf = (name: string) => Float32Array;

/** The values of all parameters of an encoder, copied off the engine. */
export async function readValues(encoder: Pick<DefinedEncoder, 'parameters'>): Promise<ValuesOf> {
  const values = new Map<string, Float32Array>();
  for (const { name, variable } of encoder.parameters) values.set(name, await variable.data<'float32'>());
  return (name) => values.get(name)!;
}

/**
 * Writes layers for inference.
 *
 * @returns the tensor that holds what the last one gives
 */
export function writeLayers(writer: GraphWriter, layers: readonly Layer[], values: ValuesOf, input: string): string {
  let x = input;
  let blocks = 0;
  for (const layer of layers) {
    switch (layer.kind) {
      case 'convolution':
      case 'depthwise': {
        const bias = layer.bias ? values(`${layer.name}.bias`) : undefined;
        x = writer.convolution(x, layer, values(`${layer.name}.weight`), bias);
        break;
      }
      case 'dense':
        x = writer.dense(x, layer, values(`${layer.name}.weight`), values(`${layer.name}.bias`));
        break;
      case 'norm': {
        const { scale, shift } = lineOf(layer, values);
        x = writer.affine(x, layer.name, scale, shift);
        break;
      }
      case 'prelu':
        x = writer.prelu(x, layer.name, values(`${layer.name}.weight`));
        break;
      case 'residual': {
        const body = writeLayers(writer, layer.body, values, x);
        const shortcut = writeLayers(writer, layer.shortcut, values, x);
        // Of its first layer, which has a name that no other block's has.
        x = writer.add(body, shortcut, `${nameOf(layer) ?? `block${blocks++}`}.sum`);
        break;
      }
      case 'activation':
        x = writer.activation(x, layer.of);
        break;
      case 'gate': {
        const name = nameOf(layer) ?? `gate${blocks++}`;
        x = writer.gate(x, writeLayers(writer, layer.body, values, writer.pool(x, name)), layer.of, name);
        break;
      }
      case 'concatenation': {
        const body = writeLayers(writer, layer.body, values, x);
        x = writer.concatenation(x, body, nameOf(layer) ?? `both${blocks++}`);
        break;
      }
      case 'tokens':
        x = writer.tokens(x, layer, values(layer.name));
        break;
      case 'layer-norm':
        x = writer.layerNorm(x, layer.name, values(`${layer.name}.weight`), values(`${layer.name}.bias`));
        break;
      case 'linear': {
        const bias = layer.bias ? values(`${layer.name}.bias`) : undefined;
        x = writer.linear(x, layer, values(`${layer.name}.weight`), bias);
        break;
      }
      case 'attention':
        x = writer.attention(x, layer, attentionWeights(layer, values));
        break;
      case 'flatten':
        x = writer.flatten(x, layer);
        break;
      case 'dropout':
      case 'drop-path':
        break;
    }
  }
  return x;
}

/** Of the first layer that has one. */
const nameOf = (layer: Layer): string | undefined =>
  'name' in layer
    ? layer.name
    : partsOf(layer)[0]
        ?.map(nameOf)
        .find((name) => name !== undefined);

function attentionWeights({ name, channels, heads }: LayerOf<'attention'>, values: ValuesOf): AttentionWeights {
  const qkv = values(`${name}.qkv.weight`);
  const part = (at: number): Float32Array =>
    Float32Array.from({ length: channels * channels }, (_, i) => {
      const row = Math.floor(i / channels);
      return qkv[row * 3 * channels + at * channels + (i % channels)]!;
    });
  const scale = Math.sqrt(heads / channels);
  const [proj, bias] = [values(`${name}.proj.weight`), values(`${name}.proj.bias`)];
  return { q: part(0).map((value) => value * scale), k: part(1), v: part(2), proj, bias };
}

/** A norm with its running statistics, in float64 until it is rounded. */
function lineOf(
  { name, epsilon = normEpsilon }: LayerOf<'norm'>,
  values: ValuesOf,
): { readonly scale: Float32Array; readonly shift: Float32Array } {
  const [gain, offset, mean, variance] = ['weight', 'bias', 'running_mean', 'running_var'].map((suffix) =>
    values(`${name}.${suffix}`),
  ) as [Float32Array, Float32Array, Float32Array, Float32Array];
  const factor = (i: number): number => gain[i]! / Math.sqrt(variance[i]! + epsilon);
  return { scale: gain.map((_, i) => factor(i)), shift: gain.map((_, i) => offset[i]! - mean[i]! * factor(i)) };
}
