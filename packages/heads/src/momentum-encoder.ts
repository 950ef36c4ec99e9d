import { check, option, type State } from '@protomem/core';
import type { Encoder } from '@protomem/core/contracts';
import { parametersState, restoreParameters, updateMovingAverages } from '@protomem/engine';
import * as tf from '@tensorflow/tfjs';

/** What to do where a head needs the images of a batch, and has none. */
export const PASS_IMAGES =
  'Pass them as the third argument. A trainer of several processes passes none, for each has its own alone: train this head in one.';

/** The options of a head with a momentum encoder, whose encoder each head names for itself. */
export const momentumOption = <const Default extends number>(standard: Default) =>
  option.number({
    help: 'Share of its parameters that the momentum encoder keeps in a step.',
    min: 0,
    max: 1,
    default: standard,
  });

/** @param what it makes */
export const encoderOption = (what: string) =>
  option.given<Encoder>()({
    help: `Makes ${what}. Starts as a copy of the trained encoder, without dropout; taken over, disposed with the head.`,
  });

/**
 * An encoder that follows the one in training at a distance and makes the columns of its softmax: after each step its
 * learnt parameters become `momentum * own + (1 - momentum) * trained`.
 *
 * It normalizes by the statistics of the batch, as in training: its weights lie between those of many steps, so that
 * no other network's running statistics would fit. Its own follow its own features. Make it without dropout, which
 * would only blur its embeddings.
 */
export class MomentumEncoder {
  private readonly where: string;
  private readonly encoder: Encoder;
  private readonly momentum: number;

  /** @param encoder taken over; starts as a copy of the trained one, that is, made from the same seed or file */
  constructor(where: string, encoder: Encoder, momentum: number, dimension: number) {
    check(encoder.card.embeddingSize === dimension, () => ({
      where,
      what: 'embedding size of the momentum encoder',
      got: encoder.card.embeddingSize,
      expected: `${dimension}, the dimension of the head`,
    }));
    this.where = where;
    this.encoder = encoder;
    this.momentum = momentum;
  }

  /**
   * Embeddings of images, `[B, D]`, not normalized, constant; the surrounding tidy's.
   *
   * @param seed of the step, for the encoder
   */
  embed(images: tf.Tensor4D | undefined, count: number, seed: number): tf.Tensor2D {
    const { where } = this;
    check(images !== undefined, () => ({
      where: `${where}.loss`,
      what: 'images',
      got: 'missing',
      expected: 'the images that the embeddings were made from, which this head encodes itself',
      fix: PASS_IMAGES,
    }));
    check(images.shape[0] === count, () => ({
      where: `${where}.loss`,
      what: 'number of images',
      got: images.shape[0],
      expected: `${count}, one for each embedding`,
    }));
    // Operations inside a custom gradient are not recorded, so that nothing is kept for a backward pass.
    const embed = tf.customGrad(() => ({
      value: this.encoder.apply(images, { training: true, seed }),
      gradFunc: () => [],
    }));
    return embed() as tf.Tensor2D;
  }

  /** Takes a step towards the trained encoder. */
  follow(trained: Encoder): void {
    const { momentum } = this;
    const own = this.encoder.parameters;
    check(own.length === trained.parameters.length, () => ({
      where: `${this.where}.afterStep`,
      what: 'number of parameters of the encoder',
      got: trained.parameters.length,
      expected: `${own.length}, as the momentum encoder has`,
      fix: 'Make both with the same name and options.',
    }));
    own.forEach(({ name, variable }, i) => {
      const other = trained.parameters[i]!;
      check(name === other.name && String(variable.shape) === String(other.variable.shape), () => ({
        where: `${this.where}.afterStep`,
        what: `parameter ${i} of the encoder`,
        got: `${other.name} [${other.variable.shape.join(', ')}]`,
        expected: `${name} [${variable.shape.join(', ')}], as in the momentum encoder`,
        fix: 'Make both with the same name and options.',
      }));
    });
    const learnt = own.flatMap(({ variable, trainable }, i) =>
      trainable ? [{ variable, other: trained.parameters[i]!.variable }] : [],
    );
    updateMovingAverages(
      learnt.map(({ variable }) => variable),
      learnt.map(({ other }) => other),
      momentum,
    );
  }

  state(): Promise<State> {
    return parametersState(this.encoder.parameters);
  }

  restore(state: State): void {
    restoreParameters(`${this.where}.restore`, this.encoder.parameters, state);
  }

  dispose(): void {
    this.encoder.dispose();
  }
}
