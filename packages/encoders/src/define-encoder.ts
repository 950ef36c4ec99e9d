import { check, type Options, type OptionsOf, Random, type Settings } from '@protomem/core';
import type { Encoder, EncoderCard } from '@protomem/core/contracts';
import { collective } from '@protomem/engine';
import * as tf from '@tensorflow/tfjs';
import { foldLayers } from './fold-layers.ts';
import { forward, forwardTraining } from './forward.ts';
import { checkDistinct, countMacs, countParameters, type Layer, type Weight, weightsOf } from './layer.ts';
import { normalizePixels } from './normalize-pixels.ts';
import {
  type EncoderOptionSpec,
  type EncoderOptions,
  type EncoderWords,
  encoderOptions,
  type ResolvedEncoderOptions,
  resolveOptions,
} from './options.ts';

/** An encoder that knows the options it was made with, so that a file can make it again. */
export interface DefinedEncoder extends Encoder {
  readonly options: ResolvedEncoderOptions;
  /** Norms are part of the weights before or after them: only for inference. See `foldNorms`. */
  readonly folded: boolean;
  /** @internal */
  readonly layers: readonly Layer[];
}

/** Where the first value of each weight comes from: as many numbers as its shape says, row-major, given away. */
export type InitialValues = (weight: Weight) => Float32Array;

/**
 * Makes encoders of one family.
 *
 * @typeParam X options that the family has and others have not; each has a default
 */
export interface EncoderMaker<X extends Options = Record<never, never>> {
  /**
   * @param options see {@link EncoderOptions}.
   * @param values first values of the weights. Default: random ones from `options.seed`.
   * @param folded make what `foldNorms` makes: `values` are those of folded weights. Default false.
   * @returns a new encoder; the caller disposes it.
   * @throws on an unknown or impossible option.
   */
  (options?: EncoderOptions & OptionsOf<X>, values?: InitialValues, folded?: boolean): DefinedEncoder;
  /** The card that an encoder of these options has, without making it. */
  card(options?: EncoderOptions & OptionsOf<X>): EncoderCard;
  /** What it can be made with, from which configurations and help texts follow. */
  readonly options: EncoderOptionSpec & X;
  /** The name in cards and files. */
  readonly family: string;
}

/** What makes an encoder family: everything but the options that all have. */
export interface EncoderDefinition<X extends Options = Record<never, never>> {
  readonly name: string;
  /** Default width of an embedding. */
  readonly embeddingSize: number;
  /** (x - mean) / std, of RGB values in [0, 255]. */
  readonly normalization: EncoderCard['normalization'];
  readonly source: string;
  /** Options of its own, of `option` of `@protomem/core`, each with a default. Default: none. */
  readonly options?: X;
  readonly words?: EncoderWords;
  /**
   * The network for checked options: from images `[B, H, W, 3]` to `[B, D]` or `[B, 1, 1, D]`. Names of its layers are distinct.
   * `embeddingSize`, `width` and `dropout` do what it makes of them, and nothing where it leaves them aside.
   */
  layers(options: ResolvedEncoderOptions & Settings<X>): readonly Layer[];
}

/**
 * Makes an encoder family out of a list of layers: parameters, MACs, variables and forward pass all follow from it.
 * The one below has no use for `width` and `dropout`: it is the same with any.
 *
 * @example
 * ```ts
 * const tiny = defineEncoder({
 *   name: 'tiny',
 *   embeddingSize: 32,
 *   normalization: { mean: 127.5, std: 127.5 },
 *   source: 'ours',
 *   layers: ({ inputSize: [height, width], embeddingSize }) => [
 *     convolution('conv', 3, 8, { kernel: 3, stride: 2, std: 0.1 }),
 *     norm('bn', 8),
 *     prelu('prelu', 8),
 *     { kind: 'dense', name: 'fc', inputs: [Math.ceil(height / 2), Math.ceil(width / 2), 8], outputs: embeddingSize },
 *   ],
 * });
 * const encoder = createEncoder('tiny', { inputSize: 32 }, { ...encoders, tiny });
 * ```
 */
export function defineEncoder<const X extends Options = Record<never, never>>(
  definition: EncoderDefinition<X>,
): EncoderMaker<X> {
  type Given = EncoderOptions & OptionsOf<X>;
  const spec = { ...encoderOptions(definition.embeddingSize, definition.words), ...(definition.options as X) };
  const resolve = (given: Given) => resolveOptions<X>(definition.name, spec, given);
  const make = (options = {} as Given, values?: InitialValues, folded = false): DefinedEncoder => {
    const resolved = resolve(options);
    const trained = definition.layers(resolved);
    const layers = folded ? foldLayers(trained).layers : trained;
    const card = cardOf(definition, layers, resolved);
    return build(card, resolved, layers, values ?? randomValues(resolved.seed), folded);
  };
  const card = (options = {} as Given): EncoderCard => {
    const resolved = resolve(options);
    return cardOf(definition, definition.layers(resolved), resolved);
  };
  return Object.assign(make, { card, options: spec, family: definition.name });
}

function cardOf(
  { name, normalization, source }: Omit<EncoderDefinition, 'layers'>,
  layers: readonly Layer[],
  { inputSize, embeddingSize }: ResolvedEncoderOptions,
): EncoderCard {
  const parameters = countParameters(layers);
  return { name, inputSize, embeddingSize, normalization, parameters, macs: countMacs(layers, inputSize), source };
}

function build(
  card: EncoderCard,
  options: ResolvedEncoderOptions,
  layers: readonly Layer[],
  valuesOf: InitialValues,
  folded: boolean,
): DefinedEncoder {
  const weights = weightsOf(layers);
  checkDistinct(
    card.name,
    weights.map(({ name }) => name),
  );
  const values = weights.map(valuesOf);
  const parameters = weights.map(({ name, shape, trainable, decay }, i) => {
    const variable = tf.tidy(() => tf.variable(tf.tensor(values[i]!, [...shape]), trainable));
    return { name, variable, trainable, decay };
  });
  return over({ card, options, layers, parameters, folded });
}

/** What an encoder is made over: see {@link DefinedEncoder}. */
type Made = Pick<DefinedEncoder, 'card' | 'options' | 'layers' | 'parameters' | 'folded'> & {
  /** Names of layers. */
  readonly frozen?: ReadonlySet<string>;
};

/** @internal An encoder of variables that exist; disposing it disposes them. */
export function over(made: Made): DefinedEncoder {
  const { card, options, layers, parameters, folded, frozen } = made;
  const variables = new Map(parameters.map(({ name, variable }) => [name, variable]));

  return {
    ...{ card, options, folded, layers, parameters },
    apply(images, { training = false, seed = 0, synchronizeNorms = false } = {}) {
      checkImages(card, images, training);
      check(!training || !folded, () => ({
        where: `${card.name}.apply`,
        what: 'training',
        got: true,
        expected: 'false: norms were folded into the weights of this encoder',
        fix: 'Train the encoder that it was folded from.',
      }));
      check(!parameters[0]?.variable.isDisposed, () => ({
        where: `${card.name}.apply`,
        what: 'the encoder',
        got: 'disposed',
        expected: 'one that is still in use',
      }));
      const random = new Random(options.seed, seed);
      return tf.tidy(() => {
        const x = normalizePixels(images, card);
        const pass = { variables, recompute: options.recompute, frozen, uniform: () => random.uniform() };
        const ranks = synchronizeNorms ? collective() : undefined;
        const y = training ? forwardTraining(layers, x, { ...pass, ranks }) : forward(layers, x, { ...pass, training });
        return tf.reshape(y, [images.shape[0], card.embeddingSize]) as tf.Tensor2D;
      });
    },
    dispose() {
      for (const { variable } of parameters) variable.dispose();
    },
  };
}

function checkImages({ name, inputSize }: EncoderCard, images: tf.Tensor4D, training: boolean): void {
  const [height, width] = inputSize;
  const { shape } = images;
  check(
    shape.length === 4 && shape[1] === height && shape[2] === width && shape[3] === 3 && images.dtype !== 'string',
    () => ({
      where: `${name}.apply`,
      what: 'images',
      got: `${images.dtype} [${shape.join(', ')}]`,
      expected: `float32 or int32 [B, ${height}, ${width}, 3]`,
      fix: 'Resize the images or make the encoder with another inputSize.',
    }),
  );
  check(shape[0] > 0, () => ({ where: `${name}.apply`, what: 'number of images', got: 0, expected: 'at least 1' }));
  check(!training || shape[0] > 1, () => ({
    where: `${name}.apply`,
    what: 'number of images',
    got: shape[0],
    expected: 'at least 2 in training: one image has no batch variance',
  }));
}

/** One stream of random numbers through all weights, in the order they are asked for. */
function randomValues(seed: number): InitialValues {
  const random = new Random(seed);
  return ({ shape, init }) => {
    const values = new Float32Array(shape.reduce((a, b) => a * b, 1));
    if ('constant' in init) return values.fill(init.constant);
    for (let i = 0; i < values.length; i++) {
      values[i] = 'normal' in init ? random.normal(0, init.normal) : random.uniform(-init.uniform, init.uniform);
    }
    return values;
  };
}
