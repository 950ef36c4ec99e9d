import { check } from '@protomem/core';

/** Height and width, or a kernel's. */
export type Size = readonly [number, number];

/** What a weight is at first. */
export type Init = { readonly normal: number } | { readonly uniform: number } | { readonly constant: number };

/** A tensor that a layer owns. */
export interface Weight {
  /** Full path, such as `layer1.0.conv1.weight`. */
  readonly name: string;
  readonly shape: readonly number[];
  readonly init: Init;
  readonly trainable: boolean;
  readonly decay: boolean;
  /** A running mean or variance: saved, but not counted as a parameter. */
  readonly statistic: boolean;
}

/** One step of a network, as data: what is counted, allocated and run are three readings of the same list. */
export type Layer =
  | {
      readonly kind: 'convolution';
      readonly name: string;
      readonly kernel: Size;
      readonly inputs: number;
      readonly outputs: number;
      readonly stride: number;
      /** Zeros around the image, the same on all four sides. Where there are any, `(kernel - 1) / 2`, and a stride of 1 or 2. */
      readonly padding: number;
      /** Standard deviation of the normal distribution that the weights are drawn from at first. */
      readonly std: number;
      /** Adds a number to each output channel. Default false: in training a norm follows, which does so. */
      readonly bias?: boolean;
    }
  | {
      readonly kind: 'depthwise';
      readonly name: string;
      readonly kernel: Size;
      readonly channels: number;
      readonly stride: number;
      readonly padding: number;
      readonly std: number;
      readonly bias?: boolean;
    }
  | {
      readonly kind: 'norm';
      readonly name: string;
      readonly channels: number;
      /** False: the scale stays 1. */
      readonly learnScale: boolean;
      /** What is added to variances. Default 1e-5. */
      readonly epsilon?: number;
    }
  | { readonly kind: 'prelu'; readonly name: string; readonly channels: number }
  | { readonly kind: 'activation'; readonly of: 'relu' | 'relu6' }
  | { readonly kind: 'dropout'; readonly rate: number }
  | {
      /** In training, zeroes the whole input of some images, and scales it for the others: the last layer of a residual body. */
      readonly kind: 'drop-path';
      readonly rate: number;
    }
  | {
      readonly kind: 'dense';
      readonly name: string;
      /** Height, width and channels of the maps that are flattened. */
      readonly inputs: readonly [number, number, number];
      readonly outputs: number;
    }
  | {
      readonly kind: 'residual';
      readonly body: readonly Layer[];
      /** Empty for the identity. */
      readonly shortcut: readonly Layer[];
    }
  | {
      /** Multiplies each channel by what the body makes of the mean of every channel: squeeze and excitation. */
      readonly kind: 'gate';
      /** What the body's output goes through; the hard one is `min(max(x + 3, 0), 6) / 6`. */
      readonly of: 'sigmoid' | 'hard-sigmoid';
      /** From `[B, 1, 1, channels]` to the same. */
      readonly body: readonly Layer[];
    }
  | {
      /** The channels of the input, and behind them those that the body makes of it. */
      readonly kind: 'concatenation';
      readonly body: readonly Layer[];
    }
  | {
      /** Maps `[B, H, W, channels]` become tokens `[B, H * W, channels]`, and each gets a vector of its place added. */
      readonly kind: 'tokens';
      /** Of the vectors, which have no other name. */
      readonly name: string;
      readonly size: Size;
      readonly channels: number;
      readonly std: number;
    }
  | {
      /** Normalizes the channels of each token; epsilon 1e-5. */
      readonly kind: 'layer-norm';
      readonly name: string;
      readonly channels: number;
    }
  | {
      /** Of the last axis, for each place or token. */
      readonly kind: 'linear';
      readonly name: string;
      readonly inputs: number;
      readonly outputs: number;
      readonly std: number;
      readonly bias?: boolean;
    }
  | {
      /** Self-attention of tokens: `qkv` without bias, heads side by side, `proj` with bias. */
      readonly kind: 'attention';
      readonly name: string;
      readonly channels: number;
      readonly heads: number;
      readonly std: number;
    }
  /** To `[B, features]`, the channels of a place side by side. */
  | { readonly kind: 'flatten'; readonly features: number };

export type Norm = Extract<Layer, { kind: 'norm' }>;

/** A convolution without bias. Padding: `(kernel - 1) / 2` unless said otherwise. */
export function convolution(
  name: string,
  inputs: number,
  outputs: number,
  options: { readonly kernel: 1 | 3; readonly stride?: 1 | 2; readonly std: number },
): Extract<Layer, { kind: 'convolution' }> {
  const { kernel, stride = 1, std } = options;
  const padding = kernel === 3 ? 1 : 0;
  return { kind: 'convolution', name, kernel: [kernel, kernel], inputs, outputs, stride, padding, std };
}

/** A convolution of single places, without bias. */
export function pointwise(name: string, inputs: number, outputs: number): Extract<Layer, { kind: 'convolution' }> {
  return convolution(name, inputs, outputs, { kernel: 1, std: stdByOutputs(1, outputs) });
}

/** Standard deviation of initial weights, by what goes out of a kernel. */
export const stdByOutputs = (kernelArea: number, outputs: number): number => Math.sqrt(2 / (kernelArea * outputs));

/** What norms add to variances where they do not say otherwise. */
export const normEpsilon = 1e-5;

/** Batch normalization: epsilon 1e-5, running statistics with momentum 0.1. */
export function norm(name: string, channels: number, learnScale = true): Layer {
  return { kind: 'norm', name, channels, learnScale };
}

/** PReLU with one slope a channel, 0.25 at first. */
export function prelu(name: string, channels: number): Layer {
  return { kind: 'prelu', name, channels };
}

/** Lists of layers that a layer has inside. */
export function partsOf(layer: Layer): readonly (readonly Layer[])[] {
  if (layer.kind === 'residual') return [layer.body, layer.shortcut];
  return layer.kind === 'gate' || layer.kind === 'concatenation' ? [layer.body] : [];
}

/** The tensors that layers own, in the order of the forward pass. */
export function weightsOf(layers: readonly Layer[]): Weight[] {
  return layers.flatMap(ownWeights);
}

/** Refuses names of weights of which two are the same: in files, and among gradients, one would stand for both. */
export function checkDistinct(where: string, names: readonly string[]): void {
  const repeated = names.find((name, i) => names.indexOf(name) !== i);
  check(repeated === undefined, () => ({
    where,
    what: 'name of a weight',
    got: repeated,
    expected: 'a name of its own for each',
    fix: 'Give each layer another name.',
  }));
}

function ownWeights(layer: Layer): Weight[] {
  switch (layer.kind) {
    case 'convolution':
      return [
        kernel(layer.name, [...layer.kernel, layer.inputs, layer.outputs], { normal: layer.std }),
        ...biasOf(layer, layer.outputs),
      ];
    case 'depthwise':
      return [
        kernel(layer.name, [...layer.kernel, layer.channels, 1], { normal: layer.std }),
        ...biasOf(layer, layer.channels),
      ];
    case 'dense': {
      // PyTorch's default for a linear layer, weight and bias.
      const init = { uniform: 1 / Math.sqrt(product(layer.inputs)) };
      return [
        kernel(layer.name, [...layer.inputs, layer.outputs], init),
        vector(`${layer.name}.bias`, layer.outputs, init),
      ];
    }
    case 'prelu':
      return [vector(`${layer.name}.weight`, layer.channels, { constant: 0.25 })];
    case 'norm': {
      const { name, channels, learnScale } = layer;
      const statistic = { trainable: false, statistic: true };
      return [
        { ...vector(`${name}.weight`, channels, { constant: 1 }), trainable: learnScale },
        vector(`${name}.bias`, channels, { constant: 0 }),
        { ...vector(`${name}.running_mean`, channels, { constant: 0 }), ...statistic },
        { ...vector(`${name}.running_var`, channels, { constant: 1 }), ...statistic },
      ];
    }
    case 'residual':
    case 'gate':
    case 'concatenation':
      return partsOf(layer).flatMap(weightsOf);
    case 'tokens':
      return [
        {
          ...kernel(layer.name, [1, product(layer.size), layer.channels], { normal: layer.std }),
          ...{ name: layer.name, decay: false },
        },
      ];
    case 'layer-norm':
      return [
        vector(`${layer.name}.weight`, layer.channels, { constant: 1 }),
        vector(`${layer.name}.bias`, layer.channels, { constant: 0 }),
      ];
    case 'linear':
      return [
        kernel(layer.name, [layer.inputs, layer.outputs], { normal: layer.std }),
        ...biasOf(layer, layer.outputs),
      ];
    case 'attention': {
      const { name, channels, std } = layer;
      return [
        kernel(`${name}.qkv`, [channels, 3 * channels], { normal: std }),
        kernel(`${name}.proj`, [channels, channels], { normal: std }),
        vector(`${name}.proj.bias`, channels, { constant: 0 }),
      ];
    }
    case 'activation':
    case 'dropout':
    case 'drop-path':
    case 'flatten':
      return [];
  }
}

function biasOf({ name, bias }: { readonly name: string; readonly bias?: boolean }, channels: number): Weight[] {
  return bias ? [vector(`${name}.bias`, channels, { constant: 0 })] : [];
}

function kernel(name: string, shape: readonly number[], init: Init): Weight {
  return { name: `${name}.weight`, shape, init, trainable: true, decay: true, statistic: false };
}

function vector(name: string, length: number, init: Init): Weight {
  return { name, shape: [length], init, trainable: true, decay: false, statistic: false };
}

/**
 * Numbers that layers learn, counted as PyTorch's `parameters()` does: everything but running statistics (so a scale
 * that is fixed at 1 counts).
 */
export function countParameters(layers: readonly Layer[]): number {
  return weightsOf(layers).reduce((sum, { shape, statistic }) => (statistic ? sum : sum + product(shape)), 0);
}

/** Multiply-accumulate operations of convolutions and matrix products for one image of `size`. */
export function countMacs(layers: readonly Layer[], size: Size): number {
  return trace(layers, size).macs;
}

/** Height and width after layers. */
export function sizeAfter(layers: readonly Layer[], size: Size): Size {
  return trace(layers, size).size;
}

function trace(layers: readonly Layer[], size: Size): { macs: number; size: Size } {
  let macs = 0;
  let now = size;
  for (const layer of layers) {
    switch (layer.kind) {
      case 'convolution':
        now = slide(layer, now);
        macs += product(now) * product(layer.kernel) * layer.inputs * layer.outputs;
        break;
      case 'depthwise':
        now = slide(layer, now);
        macs += product(now) * product(layer.kernel) * layer.channels;
        break;
      case 'dense':
        now = [1, 1];
        macs += product(layer.inputs) * layer.outputs;
        break;
      case 'residual': {
        const body = trace(layer.body, now);
        macs += body.macs + trace(layer.shortcut, now).macs;
        now = body.size;
        break;
      }
      case 'gate':
        macs += trace(layer.body, [1, 1]).macs;
        break;
      case 'concatenation':
        macs += trace(layer.body, now).macs;
        break;
      case 'linear':
        macs += product(now) * layer.inputs * layer.outputs;
        break;
      case 'attention':
        // Each token with each, twice: scores, and what they mix.
        macs += product(now) * layer.channels * (4 * layer.channels + 2 * product(now));
        break;
      case 'flatten':
        now = [1, 1];
        break;
    }
  }
  return { macs, size: now };
}

function slide(layer: Layer & { kernel: Size; stride: number; padding: number }, [height, width]: Size): Size {
  const { kernel, stride, padding } = layer;
  const steps = (length: number, k: number): number => Math.floor((length + 2 * padding - k) / stride) + 1;
  return [steps(height, kernel[0]), steps(width, kernel[1])];
}

function product(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => a * b, 1);
}
