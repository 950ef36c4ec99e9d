import * as tf from '@tensorflow/tfjs';

/**
 * What a kernel computes. It does not dispose its inputs; the caller owns what it returns.
 *
 * @typeParam A what the op passes besides tensors; tfjs hands it over unchecked
 */
export type Kernel<I = tf.NamedTensorMap, O = tf.TensorInfo, A = tf.NamedAttrMap> = (
  inputs: I,
  attrs: A,
  backend: tf.KernelBackend,
) => O;

// Aliases, not interfaces: declarations of those who infer them can write them out.
type Epsilon = { readonly epsilon: number };
type Heads = { readonly heads: number };

/** Zeros on every side of each image, and pixels from one result to the next. */
export interface Sliding {
  readonly stride: number;
  readonly padding: number;
}

type None = Readonly<Record<never, never>>;

/** An image and a number for each of its channels. */
type Norm = { x: tf.Tensor4D; scale: tf.Tensor1D; offset: tf.Tensor1D };
type Activation = { alpha: tf.Tensor1D };
/** An image `[B, H, W, C]` and its kernels; depthwise one for each channel, `[h, w, C, 1]`. */
type Filtered = { x: tf.Tensor4D; filter: tf.Tensor4D };
type Affine = { x: tf.Tensor; factor: tf.Tensor1D; shift: tf.Tensor1D };

/** The variance is the biased one; `reserve` is what the backend keeps for its own gradient kernel. */
type NormOutputs = [y: tf.Tensor4D, mean: tf.Tensor1D, variance: tf.Tensor1D, ...reserve: tf.Tensor[]];
type NormGradients = [dx: tf.Tensor4D, dScale: tf.Tensor1D, dOffset: tf.Tensor1D];

/** What a gradient kernel gets of the forward pass, and its reserve by number. */
type Normalized = {
  dy: tf.Tensor4D;
  x: tf.Tensor4D;
  scale: tf.Tensor1D;
  mean: tf.Tensor1D;
  variance: tf.Tensor1D;
  [reserved: number]: tf.Tensor;
};

/** A kernel's inputs have names, so of lists each tensor has one: see `listed.ts`. */
type SgdInputs = { rate: tf.Scalar; decays: tf.Tensor1D; [listed: string]: tf.Tensor };

/** The kernels of our own, which each backend fills: what they take and give. */
export interface TrainingKernels {
  readonly batchNormTraining: Kernel<Norm, NormOutputs, Epsilon>;
  readonly batchNormTrainingGrad: Kernel<Normalized, NormGradients, Epsilon>;
  /** The first output goes through PReLU. */
  readonly batchNormPreluTraining: Kernel<Norm & Activation, NormOutputs, Epsilon>;
  readonly batchNormPreluTrainingGrad: Kernel<
    Normalized & Activation & { offset: tf.Tensor1D },
    [...NormGradients, dAlpha: tf.Tensor1D],
    Epsilon
  >;
  readonly prelu: Kernel<{ x: tf.Tensor } & Activation, tf.Tensor, None>;
  readonly preluGrad: Kernel<{ dy: tf.Tensor; x: tf.Tensor } & Activation, [dx: tf.Tensor, dAlpha: tf.Tensor1D], None>;
  /** From what `relu6` gave: nought at both ends. */
  readonly relu6Grad: Kernel<{ dy: tf.Tensor; y: tf.Tensor }, tf.Tensor, None>;
  readonly scaleShift: Kernel<Affine, tf.Tensor, None>;
  readonly scaleShiftPrelu: Kernel<Affine & Activation, tf.Tensor, None>;
  readonly depthwise: Kernel<Filtered, tf.Tensor4D, Sliding>;
  /** `prelu(depthwise(x, filter) + shift, alpha)`. */
  readonly depthwisePrelu: Kernel<Filtered & Activation & { shift: tf.Tensor1D }, tf.Tensor4D, Sliding>;
  readonly depthwiseGrad: Kernel<Filtered & { dy: tf.Tensor4D }, [dx: tf.Tensor4D, dFilter: tf.Tensor4D], Sliding>;
  /** `prelu(conv2d(x, filter) + shift, alpha)`, of `[B, H, W, C]` and `[h, w, C, outputs]`. */
  readonly convolutionPrelu: Kernel<Filtered & Activation & { shift: tf.Tensor1D }, tf.Tensor4D, Sliding>;
  /** Outputs besides `y`: the mean and `1 / sqrt(variance + epsilon)` of each place, `[x.size / C]`. */
  readonly layerNorm: Kernel<
    { x: tf.Tensor; scale: tf.Tensor1D; offset: tf.Tensor1D },
    [y: tf.Tensor, mean: tf.Tensor1D, factor: tf.Tensor1D],
    Epsilon
  >;
  readonly layerNormGrad: Kernel<
    { dy: tf.Tensor; x: tf.Tensor; scale: tf.Tensor1D; mean: tf.Tensor1D; factor: tf.Tensor1D },
    [dx: tf.Tensor, dScale: tf.Tensor1D, dOffset: tf.Tensor1D],
    None
  >;
  /** `x / max(|x|, 1e-6)` of each row, and that quotient of `|x|²`. */
  readonly splitRows: Kernel<{ x: tf.Tensor2D }, [unit: tf.Tensor2D, norms: tf.Tensor1D], None>;
  readonly splitRowsGrad: Kernel<{ dUnit: tf.Tensor2D; dNorms: tf.Tensor1D; x: tf.Tensor2D }, tf.Tensor2D, None>;
  /** The scalar product of each row of `a` and that of `b`. */
  readonly rowDots: Kernel<{ a: tf.Tensor2D; b: tf.Tensor2D }, tf.Tensor1D, None>;
  /** The sum of each group's rows; `groupOf` says of each row which group is its own. */
  readonly groupSums: Kernel<{ x: tf.Tensor2D; groupOf: tf.Tensor1D }, tf.Tensor2D, { readonly groups: number }>;
  /**
   * `unit(made)`; `unit((1 - share) * stored + share * unit(made))` with each row's own share, where one below nought stands for
   * `1 - max(0, c / (1 + |c|))`; and c, `stored . unit(made)`.
   */
  readonly refreshRows: Kernel<
    { made: tf.Tensor2D; stored: tf.Tensor2D; shares: tf.Tensor1D },
    [generated: tf.Tensor2D, refreshed: tf.Tensor2D, cosines: tf.Tensor1D],
    None
  >;
  readonly attention: Kernel<{ qkv: tf.Tensor3D }, tf.Tensor3D, Heads>;
  readonly attentionGrad: Kernel<{ dy: tf.Tensor3D; qkv: tf.Tensor3D }, tf.Tensor3D, Heads>;
  /** Its inputs are a list. */
  readonly globalNorm: Kernel<tf.NamedTensorMap, tf.Scalar, None>;
  /** Outputs: all weights, then all velocities. */
  readonly sgdUpdate: Kernel<SgdInputs, tf.Tensor[], { readonly momentum: number; readonly nesterov: boolean }>;
  /** `kept * averages[i] + factors[i] * values[i]`; inputs are those two lists. */
  readonly movingAverages: Kernel<
    tf.NamedTensorMap,
    tf.Tensor[],
    { readonly kept: number; readonly factors: readonly number[] }
  >;
  /** Outputs: loss of each row, and its gradient for the row of logits. */
  readonly sparseSoftmaxCrossEntropy: Kernel<
    { logits: tf.Tensor2D; targets: tf.Tensor1D },
    [loss: tf.Tensor1D, dLogits: tf.Tensor2D],
    None
  >;
  readonly updateRows: Kernel<{ matrix: tf.Tensor2D; values: tf.Tensor2D }, [], { readonly rows: Int32Array }>;
}

export type KernelKey = keyof TrainingKernels;
type InputsOf<K extends KernelKey> = Parameters<TrainingKernels[K]>[0];
type AttrsOf<K extends KernelKey> = Parameters<TrainingKernels[K]>[1];
export type OutputsOf<K extends KernelKey> = ReturnType<TrainingKernels[K]>;

/** Runs a kernel on the active backend. */
export type RunKernel<K extends KernelKey> = (inputs: InputsOf<K>, attrs: AttrsOf<K>) => OutputsOf<K>;

/** A kernel's name in tfjs's registry; the prefix keeps it apart from tfjs's own. */
export const kernelName = (key: KernelKey): string => `protomem.${key[0]!.toUpperCase()}${key.slice(1)}`;

/** Runs one of our kernels on the active backend, which has been given them. */
export function trainingKernel<K extends KernelKey>(key: K): RunKernel<K> {
  const name = kernelName(key);
  return (inputs, attrs) =>
    // tfjs hands attributes to kernels as they are; its type only lists what its own kernels take.
    tf.engine().runKernel(name, inputs as tf.NamedTensorMap, attrs as tf.NamedAttrMap) as OutputsOf<K>;
}
