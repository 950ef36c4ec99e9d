import type { ImageBatch } from '@protomem/core';
import type { Encoder, Head, Parameter } from '@protomem/core/contracts';
import { type OnGradient, variableGradients } from '@protomem/engine';
import * as tf from '@tensorflow/tfjs';
import { globalNorm } from './clip.ts';
import type { Ranks } from './ranks.ts';

/** One step's work for {@link differentiate}. */
export interface Differentiation {
  readonly encoder: Encoder;
  readonly head: Head;
  /** Trainable parameters of both. */
  readonly parameters: readonly Parameter[];
  readonly batch: ImageBatch;
  /** Of this step's dropout on this rank: see {@link seedOfPart}. */
  readonly seed: number;
  /** Images that go through the encoder at once. */
  readonly encoderBatch: number;
  /** Whether batch norm normalizes by the images of all ranks. Default false. */
  readonly synchronizeNorms?: boolean;
  /** Where several processes share the batch, of which this one has the images, and the labels of all. Default: it is alone. */
  readonly ranks?: Pick<Ranks, 'size' | 'embeddings' | 'sumOfGradients'>;
}

/** Mean loss, global gradient norm and gradients by parameter name; the caller owns them. */
export interface Differentiated {
  readonly loss: tf.Scalar;
  readonly norm: tf.Scalar;
  readonly gradients: tf.NamedTensorMap;
}

/**
 * Differentiates a step's mean loss by all parameters. Where ranks share the batch, each encodes its own images; the head works
 * on the embeddings of all, the same everywhere, and gradients of the encoder are summed over ranks while the backward pass
 * goes on. A batch larger than `encoderBatch` goes through the encoder in
 * parts, twice: the first time for its embeddings, which the head sees together; then, with the gradient of the
 * embeddings at hand, part by part for the encoder's. So activations of one part are held at a time, and the head works as
 * on any batch. Only batch norm can tell: it normalizes by part.
 *
 * Source: L. Gao et al., "Scaling Deep Contrastive Learning Batch Size under Memory Limited Setup", RepL4NLP 2021.
 */
export function differentiate(work: Differentiation): Differentiated {
  return tf.tidy(() => {
    const { pixels, shape } = work.batch;
    const images = tf.tensor4d(pixels, [...shape], 'float32');
    const { loss, grads } = summed(work, (onGradient) =>
      // Nothing goes back into a frozen encoder; a head may still look at the gradient of its embeddings.
      shape[0] > work.encoderBatch || !isTrained(work.encoder)
        ? inParts(work, images)
        : atOnce(work, images, onGradient),
    );
    const gradients: tf.NamedTensorMap = {};
    for (const { name, variable } of work.parameters) {
      const gradient = grads[variable.name];
      if (gradient) gradients[name] = gradient;
    }
    return { loss, norm: globalNorm(gradients), gradients };
  });
}

interface Found {
  readonly loss: tf.Scalar;
  /** By names of variables. */
  readonly grads: tf.NamedTensorMap;
}

/** What `find` finds, with the encoder's gradients of all ranks. */
function summed({ encoder, ranks }: Differentiation, find: (onGradient?: OnGradient) => Found): Found {
  if (!ranks || ranks.size === 1) return find();
  const ofEncoder = new Set(encoder.parameters.map(({ variable }) => variable.name));
  const sum = ranks.sumOfGradients();
  const { loss, grads } = find(({ name }, gradient) => {
    if (ofEncoder.has(name)) sum.add(name, gradient);
  });
  for (const [name, gradient] of Object.entries(grads)) if (ofEncoder.has(name)) sum.add(name, gradient);
  return { loss, grads: { ...grads, ...sum.finish() } };
}

/** The mean loss of a head on the embeddings of all ranks. It sees images where they are all here. */
function meanLoss({ head, batch, ranks }: Differentiation, embeddings: tf.Tensor2D, images: tf.Tensor4D): tf.Scalar {
  if (!ranks || ranks.size === 1) return tf.mean(head.loss(embeddings, batch.labels, images));
  return tf.mean(head.loss(ranks.embeddings(embeddings), batch.labels));
}

function atOnce(work: Differentiation, images: tf.Tensor4D, onGradient?: OnGradient): Found {
  const { encoder, parameters, seed, synchronizeNorms } = work;
  const pass = { training: true, seed, synchronizeNorms };
  const { value: loss, grads } = variableGradients(
    () => meanLoss(work, encoder.apply(images, pass), images),
    parameters.map(({ variable }) => variable),
    onGradient,
  );
  return { loss, grads };
}

function inParts(work: Differentiation, images: tf.Tensor4D): Found {
  const { encoder, parameters, seed, encoderBatch } = work;
  const { count, ends, apply } = partsOf(encoder, images, encoderBatch, seed);
  const embeddings = tf.variable(encodeAsInTraining(encoder, images, encoderBatch, seed) as tf.Tensor);
  const ofEncoder = new Set(encoder.parameters.map(({ variable }) => variable));
  const variables = parameters.map(({ variable }) => variable);
  const { value: loss, grads } = variableGradients(
    () => meanLoss(work, embeddings as tf.Tensor as tf.Tensor2D, images),
    [embeddings, ...variables.filter((variable) => !ofEncoder.has(variable))],
  );
  const dEmbeddings = grads[embeddings.name]!;
  embeddings.dispose();
  const all = { ...grads };
  if (!isTrained(encoder)) return { loss, grads: all };
  for (let i = 0; i < count; i++) {
    const dPart = tf.slice(dEmbeddings, [ends[i]!, 0], [ends[i + 1]! - ends[i]!, -1]);
    const part = variableGradients(
      () => tf.sum(tf.mul(apply(i), dPart)),
      variables.filter((variable) => ofEncoder.has(variable)),
    );
    for (const [name, gradient] of Object.entries(part.grads)) {
      const sum = all[name];
      all[name] = sum ? tf.add(sum, gradient) : gradient;
      if (sum) tf.dispose([sum, gradient]);
    }
  }
  return { loss, grads: all };
}

/** More than a batch has parts. */
const MOST_PARTS = 2 ** 16;

/** The seed of a part's dropout, of the step's: in a step all parts of all ranks have others. */
export const seedOfPart = (seed: number, part: number, rank = 0): number => (seed + rank * MOST_PARTS + part) % 2 ** 31;

/** How images go through the encoder in parts, each of at most `encoderBatch`. */
function partsOf(encoder: Encoder, images: tf.Tensor4D, encoderBatch: number, seed: number) {
  const total = images.shape[0];
  // Parts of nearly one size, none of one image, for which batch norm has no use: where 2 leave one over, a part has 3.
  const count = Math.max(1, Math.min(Math.ceil(total / encoderBatch), Math.floor(total / 2)));
  const ends = Array.from({ length: count + 1 }, (_, i) => Math.floor((i * total) / count));
  const apply = (i: number): tf.Tensor2D => {
    const part = tf.slice(images, [ends[i]!, 0, 0, 0], [ends[i + 1]! - ends[i]!, -1, -1, -1]);
    return encoder.apply(part, { training: isTrained(encoder), seed: seedOfPart(seed, i) });
  };
  return { count, ends, apply };
}

/** Embeddings `[B, D]` as a training step makes them, in parts of at most `encoderBatch`; running statistics stay. */
export function encodeAsInTraining(
  encoder: Encoder,
  images: tf.Tensor4D,
  encoderBatch: number,
  seed: number,
): tf.Tensor2D {
  const { ends, apply } = partsOf(encoder, images, encoderBatch, seed);
  return withoutStatistics(encoder, () => tf.concat(ends.slice(1).map((_, i) => apply(i))));
}

/** A frozen encoder, none of whose parameters is trainable, runs as in evaluation: its running statistics stay. */
const isTrained = ({ parameters }: Encoder): boolean => parameters.some(({ trainable }) => trainable);

/** Runs the encoder in training mode, but leaves its running statistics as they were. */
function withoutStatistics<T extends tf.Tensor>(encoder: Encoder, run: () => T): T {
  const statistics = encoder.parameters.filter(({ trainable }) => !trainable).map(({ variable }) => variable);
  return tf.tidy(() => {
    const before = statistics.map((variable) => tf.clone(variable));
    const result = run();
    for (const [i, variable] of statistics.entries()) variable.assign(before[i]!);
    return result;
  });
}
