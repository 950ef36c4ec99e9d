import {
  attention,
  type BatchNormTrainingResult,
  batchNormPreluTraining,
  batchNormTraining,
  type Collective,
  convolutionPrelu,
  depthwiseConvolution,
  depthwisePrelu,
  detachedGradients,
  layerNorm,
  paddedConv2d,
  prelu,
  relu6,
  scaleShift,
  scaleShiftPrelu,
  synchronizedBatchNorm,
  updateMovingAverages,
} from '@protomem/engine';
import * as tf from '@tensorflow/tfjs';
import { type Layer, type Norm, normEpsilon, weightsOf } from './layer.ts';

const momentum = 0.1;

/** What a norm saw of a batch, and the running statistic that is to follow it. */
interface Seen {
  readonly running: tf.Variable;
  /** Kept; whoever has the list disposes it. */
  readonly value: tf.Tensor;
  readonly factor: number;
}

/** What layers need besides their input. */
export interface Pass {
  readonly variables: ReadonlyMap<string, tf.Variable>;
  readonly training: boolean;
  /** See `recompute` of the encoder's options. */
  readonly recompute: boolean;
  /** Processes over whose images norms normalize in training. Default: over those at hand. */
  readonly ranks?: Collective;
  /** Where norms in training put what they saw. Left out: they do not. */
  readonly seen?: Seen[];
  /** Norms that use their running statistics in training too, and leave them alone. */
  readonly frozen?: ReadonlySet<string>;
  /** Sees what each norm gets. */
  readonly observe?: (norm: Norm, x: tf.Tensor) => void;
  /** Sees what each layer gets and gives, before the next one. */
  readonly watch?: (layer: Layer, x: tf.Tensor, y: tf.Tensor) => void;
  /** A number uniform in [0, 1); only dropout and dropped paths ask for it. */
  readonly uniform: () => number;
}

/**
 * Runs layers one after the other and frees each result as soon as the next one stands; what a gradient needs later is
 * held by the tape, not by this function. `x` stays the caller's.
 */
export function forward(layers: readonly Layer[], x: tf.Tensor, pass: Pass): tf.Tensor {
  let now = x;
  for (let i = 0; i < layers.length; i++) {
    const [layer, after] = [layers[i]!, layers[i + 1]];
    // One kernel for both: a pass over memory less, and one activation kept for the gradient instead of two.
    const activation = after?.kind === 'prelu' && endsInChannels(layer) && !pass.watch ? after : undefined;
    const next = tf.tidy(() => step(layer, now, pass, activation));
    pass.watch?.(layer, now, next);
    if (activation) i++;
    if (now !== x) now.dispose();
    now = next;
  }
  return now;
}

/** Whether a layer's last deed is a number added to each channel, so that a PReLU can be done with it. */
const endsInChannels = (layer: Layer): boolean =>
  layer.kind === 'norm' || ((layer.kind === 'convolution' || layer.kind === 'depthwise') && layer.bias === true);

const weightOf = (layer: Layer, suffix: string, { variables }: Pass): tf.Variable =>
  variables.get(`${(layer as { name: string }).name}.${suffix}`)!;

/** @param activation a PReLU that follows and is to be done too */
function step(layer: Layer, x: tf.Tensor, pass: Pass, activation?: Layer): tf.Tensor {
  const weight = (suffix: string): tf.Variable => weightOf(layer, suffix, pass);
  const slopes = activation && (weightOf(activation, 'weight', pass) as tf.Tensor as tf.Tensor1D);
  switch (layer.kind) {
    case 'convolution': {
      const [image, kernels] = [x, weight('weight')] as [tf.Tensor4D, tf.Tensor4D];
      if (!layer.bias) return paddedConv2d(image, kernels, layer);
      const bias = weight('bias') as tf.Tensor as tf.Tensor1D;
      return convolutionPrelu(image, kernels, bias, slopes ?? tf.onesLike(bias), layer);
    }
    case 'depthwise': {
      const [image, kernels] = [x, weight('weight')] as [tf.Tensor4D, tf.Tensor4D];
      if (!layer.bias) return depthwiseConvolution(image, kernels, layer);
      const bias = weight('bias') as tf.Tensor as tf.Tensor1D;
      return depthwisePrelu(image, kernels, bias, slopes ?? tf.onesLike(bias), layer);
    }
    case 'dense': {
      const flat = tf.reshape(x, [x.shape[0]!, -1]) as tf.Tensor2D;
      const matrix = tf.reshape(weight('weight'), [-1, layer.outputs]) as tf.Tensor2D;
      return tf.add(tf.matMul(flat, matrix), weight('bias'));
    }
    case 'norm':
      pass.observe?.(layer, x);
      return pass.training && !pass.frozen?.has(layer.name)
        ? normTraining(x, layer, weight, pass, slopes)
        : normRunning(x, layer, weight, slopes);
    case 'prelu':
      return prelu(x, weight('weight') as tf.Tensor as tf.Tensor1D);
    case 'dropout':
      return pass.training ? tf.mul(x, mask(x.shape, layer.rate, pass.uniform)) : tf.clone(x);
    case 'drop-path':
      return pass.training
        ? tf.mul(
            x,
            mask(
              x.shape.map((side, i) => (i ? 1 : side)),
              layer.rate,
              pass.uniform,
            ),
          )
        : tf.clone(x);
    case 'residual':
      return pass.training && pass.recompute ? recomputed(layer, x, pass) : residual(layer, x, pass);
    case 'activation':
      return layer.of === 'relu' ? tf.relu(x) : relu6(x);
    case 'gate': {
      const logits = forward(layer.body, tf.mean(x, [1, 2], true), pass);
      return tf.mul(x, layer.of === 'sigmoid' ? tf.sigmoid(logits) : tf.mul(relu6(tf.add(logits, 3)), 1 / 6));
    }
    case 'concatenation':
      return concatenated(x, forward(layer.body, x, pass));
    case 'tokens':
      return tf.add(tf.reshape(x, [x.shape[0]!, -1, layer.channels]), pass.variables.get(layer.name)!);
    case 'layer-norm':
      return layerNorm(x, weight('weight') as tf.Tensor as tf.Tensor1D, weight('bias') as tf.Tensor as tf.Tensor1D);
    case 'linear':
      return linear(x, weight('weight'), layer.bias ? weight('bias') : undefined);
    case 'attention':
      return linear(
        attention(linear(x, weight('qkv.weight')) as tf.Tensor3D, layer.heads),
        weight('proj.weight'),
        weight('proj.bias'),
      );
    case 'flatten':
      return tf.reshape(x, [x.shape[0]!, layer.features]);
  }
}

/** `x W + b` of the last axis. */
function linear(x: tf.Tensor, weight: tf.Variable, bias?: tf.Variable): tf.Tensor {
  const [inputs, outputs] = weight.shape as [number, number];
  const [a, b] = [tf.reshape(x, [-1, inputs]), weight as tf.Tensor] as [tf.Tensor2D, tf.Tensor2D];
  return tf.reshape(tf.fused.matMul({ a, b, ...(bias && { bias }) }), [...x.shape.slice(0, -1), outputs]);
}

/** `a` and `b` side by side in the last axis. `tf.concat` would keep both for their shapes until the backward pass. */
const concatenated = tf.customGrad((a, b) => {
  const [first, second] = [a as tf.Tensor, b as tf.Tensor];
  const sides = [first.shape.at(-1)!, second.shape.at(-1)!];
  return { value: tf.concat([first, second], -1), gradFunc: (dy: tf.Tensor) => tf.split(dy, sides, -1) };
});

type Residual = Extract<Layer, { kind: 'residual' }>;

function residual(layer: Residual, x: tf.Tensor, pass: Pass): tf.Tensor {
  const body = forward(layer.body, x, pass);
  return sum(body, layer.shortcut.length > 0 ? forward(layer.shortcut, x, pass) : x);
}

/**
 * A block of which only the input is kept for the gradient: all that lies inside is computed a second time on the way back.
 *
 * Source: T. Chen et al., "Training Deep Nets with Sublinear Memory Cost", arXiv:1604.06174.
 */
function recomputed(layer: Residual, x: tf.Tensor, pass: Pass): tf.Tensor {
  const names = weightsOf([layer]).flatMap(({ name, trainable }) => (trainable ? [name] : []));
  const block = tf.customGrad((...inputs) => {
    const [first, save] = [inputs[0] as tf.Tensor, inputs.at(-1) as tf.GradSaveFunc];
    save([first]);
    const drawn: number[] = [];
    const uniform = (): number => drawn[drawn.push(pass.uniform()) - 1]!;
    return {
      value: tf.tidy(() => residual(layer, first, { ...pass, uniform })),
      gradFunc: (dy: tf.Tensor, [saved]: tf.Tensor[]) => {
        let at = 0;
        // The batch has been counted in the running statistics already, and what was dropped stays so.
        const again: Pass = { ...pass, seen: undefined, uniform: () => drawn[at++]! };
        const of = [saved!, ...names.map((name) => pass.variables.get(name)!)];
        const { value, gradients } = detachedGradients(([input]) => residual(layer, input!, again), of, dy);
        value.dispose();
        return gradients;
      },
    };
  });
  return block(x, ...names.map((name) => pass.variables.get(name)!));
}

/** `a + b` of equal shapes. `tf.add` would keep both for their shapes until the backward pass. */
const sum = tf.customGrad((a, b) => ({
  value: tf.add(a as tf.Tensor, b as tf.Tensor),
  gradFunc: (dy: tf.Tensor) => [dy, dy],
}));

type WeightOf = (suffix: string) => tf.Variable;

function normRunning(x: tf.Tensor, { epsilon = normEpsilon }: Norm, weight: WeightOf, slopes?: tf.Tensor1D): tf.Tensor {
  const [mean, variance, offset, scale] = ['running_mean', 'running_var', 'bias', 'weight'].map(
    (suffix) => weight(suffix) as tf.Tensor as tf.Tensor1D,
  );
  const factor = tf.mul<tf.Tensor1D>(scale!, tf.rsqrt(tf.add(variance!, epsilon)));
  return affine(x, factor, tf.sub(offset!, tf.mul(mean!, factor)), slopes);
}

const affine = (x: tf.Tensor, factor: tf.Tensor1D, shift: tf.Tensor1D, slopes?: tf.Tensor1D): tf.Tensor =>
  slopes ? scaleShiftPrelu(x, factor, shift, slopes) : scaleShift(x, factor, shift);

function normTraining(
  x: tf.Tensor,
  { epsilon = normEpsilon }: Norm,
  weight: WeightOf,
  pass: Pass,
  slopes?: tf.Tensor1D,
): tf.Tensor {
  const [image, scale, offset] = [x, weight('weight'), weight('bias')] as [tf.Tensor4D, tf.Tensor1D, tf.Tensor1D];
  const { y, mean, variance, count }: BatchNormTrainingResult =
    pass.ranks && pass.ranks.size > 1
      ? synchronized(image, scale, offset, pass.ranks, epsilon, slopes)
      : slopes
        ? batchNormPreluTraining(image, scale, offset, slopes, epsilon)
        : batchNormTraining(image, scale, offset, epsilon);
  pass.seen?.push(
    { running: weight('running_mean'), value: tf.keep(mean), factor: momentum },
    // PyTorch normalizes with the biased variance and remembers the unbiased one.
    { running: weight('running_var'), value: tf.keep(variance), factor: (momentum * count) / (count - 1) },
  );
  return y;
}

function synchronized(
  x: tf.Tensor4D,
  scale: tf.Tensor1D,
  offset: tf.Tensor1D,
  ranks: Collective,
  epsilon: number,
  slopes?: tf.Tensor1D,
): BatchNormTrainingResult {
  const found = synchronizedBatchNorm(x, scale, offset, ranks, epsilon);
  return slopes ? { ...found, y: prelu(found.y, slopes) } : found;
}

/** In training: {@link forward}, after which the running statistics follow the batch's, all at once. */
export function forwardTraining(
  layers: readonly Layer[],
  x: tf.Tensor,
  pass: Omit<Pass, 'training' | 'seen'>,
): tf.Tensor {
  const seen: Seen[] = [];
  try {
    const y = forward(layers, x, { ...pass, training: true, seen });
    const [running, values] = [seen.map((one) => one.running), seen.map((one) => one.value)];
    updateMovingAverages(
      running,
      values,
      1 - momentum,
      seen.map((one) => one.factor),
    );
    return y;
  } finally {
    for (const { value } of seen) value.dispose();
  }
}

function mask(shape: readonly number[], rate: number, uniform: () => number): tf.Tensor {
  const values = new Float32Array(shape.reduce((a, b) => a * b, 1));
  const kept = 1 / (1 - rate);
  for (let i = 0; i < values.length; i++) values[i] = uniform() < rate ? 0 : kept;
  return tf.tensor(values, [...shape]);
}
