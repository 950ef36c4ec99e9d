import { check, option, part } from '@protomem/core';
import type { Encoder, Head } from '@protomem/core/contracts';
import { unitRows } from '@protomem/engine';
import * as tf from '@tensorflow/tfjs';
import { PASS_IMAGES } from './momentum-encoder.ts';
import { passOn } from './pass-on.ts';
import { untilDisposed } from './until-disposed.ts';

const distilledOptions = {
  head: option.given<Head>()({ help: 'What else is learnt; taken over, disposed with this one.' }),
  teacher: option.given<Encoder>()({
    help: 'Whose embeddings are imitated; runs as in evaluation, and never changes. Taken over, disposed with the head.',
  }),
  weight: option.number({ help: "What 1 - cosine to the teacher's embedding is multiplied by.", min: 0, default: 10 }),
};

/**
 * Distillation beside a head: each sample's loss is that of the head plus `weight * (1 - cosine)` of its embedding to the one
 * that a teacher makes of the same image. So a small encoder learns from a large one and from the identities at once; with
 * `weight` 0 it is the head alone, at the cost of the teacher.
 *
 * The teacher's embeddings have the width of the student's. Images of another size than the teacher's are scaled to it, bilinearly.
 * The whole batch passes through the teacher at once, also where the trainer's `encoderBatch` divides it for the student.
 * The teacher is no part of the head's state: give the same one again. `metrics` has `teacherCosine`, the mean over the batch
 * of the last step whose value the backend has delivered.
 *
 * Source: G. Hinton et al., "Distilling the Knowledge in a Neural Network", arXiv:1503.02531; of embeddings and by cosine, as is
 * usual for faces, where students learn people that the teacher has no logits for.
 *
 * @throws ProtomemError when teacher and student differ in width, or `loss` gets no images
 *
 * @example
 * ```ts
 * const memory = createPrototypeMemory({ size: 1000, dimension: 128 });
 * const head = distilled({
 *   head: prototypeHead({ memory, loss: cosFace() }),
 *   teacher: await loadEncoder('large.safetensors'),
 * });
 * const perSample = head.loss(student.apply(images, { training: true }), labels, images);
 * ```
 */
export const distilled = part('distilled', distilledOptions, ({ head, teacher, weight }): Head => {
  const { embeddingSize, inputSize } = teacher.card;
  let teacherCosine = Number.NaN;

  return untilDisposed({
    ...passOn(head),
    name: `${head.name}, distilled`,
    loss: (embeddings, labels, images) =>
      tf.tidy(() => {
        const [count, width] = embeddings.shape;
        check(width === embeddingSize, () => ({
          where: 'distilled.loss',
          what: 'width of the embeddings',
          got: width,
          expected: `${embeddingSize}, as the teacher, ${teacher.card.name}, makes them`,
          fix: 'Make the student with the embedding size of the teacher.',
        }));
        check(images?.shape[0] === count, () => ({
          where: 'distilled.loss',
          what: 'images',
          got: images ? images.shape[0] : 'missing',
          expected: `${count}, those that the embeddings were made from`,
          fix: PASS_IMAGES,
        }));
        // Operations inside a custom gradient are not recorded, so that nothing is kept for a backward pass.
        const imitated = tf.customGrad(() => ({
          value: unitRows(teacher.apply(fitting(images as tf.Tensor4D, inputSize))),
          gradFunc: () => [],
        }))() as tf.Tensor2D;
        const cosines = tf.sum<tf.Tensor1D>(tf.mul(unitRows(embeddings), imitated), 1);
        const mean = tf.keep(tf.mean(cosines));
        void mean
          .data()
          .then(([value]) => {
            teacherCosine = value!;
          })
          // The trainer, which reads the loss, says so.
          .catch(() => undefined)
          .finally(() => mean.dispose());
        return tf.add(head.loss(embeddings, labels, images), tf.mul(weight, tf.sub(1, cosines)));
      }),
    metrics: () => ({ ...head.metrics(), teacherCosine }),
    dispose() {
      head.dispose();
      teacher.dispose();
    },
  });
});

const fitting = (images: tf.Tensor4D, [height, width]: readonly [number, number]): tf.Tensor4D =>
  images.shape[1] === height && images.shape[2] === width
    ? images
    : tf.image.resizeBilinear(images, [height, width], false, true);
