import { type DefinedEncoder, type Layer, normEpsilon } from '@protomem/encoders';

/** Layers as a writer of some format takes them, one after the other. Tensors have names, which methods return. */
export interface GraphWriter {
  convolution(x: string, layer: Convolution, weight: Float32Array, bias?: Float32Array): string;
  dense(x: string, layer: Extract<Layer, { kind: 'dense' }>, weight: Float32Array, bias: Float32Array): string;
  /** `x * scale + shift`, of each channel. */
  affine(x: string, name: string, scale: Float32Array, shift: Float32Array): string;
  prelu(x: string, name: string, slopes: Float32Array): string;
  add(a: string, b: string, name: string): string;
}

/** One with a kernel for each channel, where `kind` says so, has `[height, width, channels, 1]`, else `[height, width, in, out]`. */
type Convolution = Extract<Layer, { kind: 'convolution' | 'depthwise' }>;

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
        const { scale, shift } = lineOf(layer.name, values);
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
      case 'dropout':
        break;
    }
  }
  return x;
}

function nameOf(layer: Layer): string | undefined {
  if (layer.kind === 'residual') return layer.body.map(nameOf).find((name) => name !== undefined);
  return layer.kind === 'dropout' ? undefined : layer.name;
}

/** A norm with its running statistics, in float64 until it is rounded. */
function lineOf(name: string, values: ValuesOf): { readonly scale: Float32Array; readonly shift: Float32Array } {
  const [gain, offset, mean, variance] = ['weight', 'bias', 'running_mean', 'running_var'].map((suffix) =>
    values(`${name}.${suffix}`),
  ) as [Float32Array, Float32Array, Float32Array, Float32Array];
  const factor = (i: number): number => gain[i]! / Math.sqrt(variance[i]! + normEpsilon);
  return { scale: gain.map((_, i) => factor(i)), shift: gain.map((_, i) => offset[i]! - mean[i]! * factor(i)) };
}
