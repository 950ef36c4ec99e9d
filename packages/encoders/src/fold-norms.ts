import { check } from '@protomem/core';
import * as tf from '@tensorflow/tfjs';
import { type EncoderRegistry, encoders, findFamily } from './create-encoder.ts';
import type { DefinedEncoder } from './define-encoder.ts';
import { type Fold, foldLayers } from './fold-layers.ts';
import { type Norm, normEpsilon } from './layer.ts';

/**
 * An encoder for inference alone that gives the same embeddings with fewer passes over memory: each batch norm that
 * follows a convolution or a linear layer, or comes before the linear one, becomes part of its weights and bias. A norm
 * before a padded convolution stays one (IResNet has one in each block).
 *
 * With `s = scale / sqrt(variance + 1e-5)` of a norm after weights `W`: `W' = W s`, `b' = (b - mean) s + offset`. Before
 * them: `W' = s W`, `b' = b + (offset - mean s) W`. Computed once, in float32; embeddings differ by rounding.
 *
 * @param encoder stays as it is, and the caller's.
 * @param registry where the encoder's family is looked up. Default {@link encoders}.
 * @returns a new encoder, whose `apply` refuses `training`; `saveEncoder` and `loadEncoder` keep it as it is. The caller
 * disposes it.
 *
 * @example
 * ```ts
 * const encoder = await loadEncoder('face.safetensors');
 * await saveEncoder(foldNorms(encoder), 'face-folded.safetensors');
 * ```
 */
export function foldNorms(encoder: DefinedEncoder, registry: EncoderRegistry = encoders): DefinedEncoder {
  check(!encoder.folded, () => ({
    where: 'foldNorms',
    what: 'the encoder',
    got: 'folded already',
    expected: 'one with its norms',
  }));
  const make = findFamily('foldNorms', 'name of the encoder', registry, encoder.card.name);
  const variables = new Map(encoder.parameters.map(({ name, variable }) => [name, variable as tf.Tensor]));
  const values = new Map<string, Float32Array>();
  for (const fold of foldLayers(encoder.layers).folds) {
    tf.tidy(() => {
      const { weight, bias } = folded(fold, variables);
      values.set(`${fold.layer.name}.weight`, weight.dataSync<'float32'>());
      if (bias) values.set(`${fold.layer.name}.bias`, bias.dataSync<'float32'>());
    });
  }
  const rest = (name: string): Float32Array => variables.get(name)!.dataSync<'float32'>();
  return make(encoder.options, ({ name }) => values.get(name) ?? rest(name), true);
}

/** What a norm does by its running statistics: `scale x + shift`. */
export function affineOf(
  { name, epsilon = normEpsilon }: Norm,
  variables: ReadonlyMap<string, tf.Tensor>,
): { readonly scale: tf.Tensor; readonly shift: tf.Tensor } {
  const [mean, variance, offset, gain] = ['running_mean', 'running_var', 'bias', 'weight'].map(
    (suffix) => variables.get(`${name}.${suffix}`)!,
  );
  const scale = tf.div(gain!, tf.sqrt(tf.add(variance!, epsilon)));
  return { scale, shift: tf.sub(offset!, tf.mul(mean!, scale)) };
}

function folded(
  { layer, before, after }: Fold,
  variables: ReadonlyMap<string, tf.Tensor>,
): { readonly weight: tf.Tensor; readonly bias: tf.Tensor | undefined } {
  let weight = variables.get(`${layer.name}.weight`)!;
  let bias = variables.get(`${layer.name}.bias`);
  if (before) {
    // Of `[height, width, channels, D]`, the axis of the norm is that of the channels.
    const { scale, shift } = affineOf(before, variables);
    const column = (vector: tf.Tensor): tf.Tensor => tf.reshape(vector, [-1, 1]);
    bias = tf.add(bias!, tf.sum(tf.mul(weight, column(shift)), [0, 1, 2]));
    weight = tf.mul(weight, column(scale));
  }
  if (after) {
    const { scale, shift } = affineOf(after, variables);
    weight = tf.mul(weight, layer.kind === 'depthwise' ? tf.reshape(scale, [-1, 1]) : scale);
    bias = bias ? tf.add(tf.mul(bias, scale), shift) : shift;
  }
  return { weight, bias };
}
