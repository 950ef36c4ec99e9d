import { check, part } from '@protomem/core';
import { unitRows } from '@protomem/engine';
import {
  encoderOption,
  headOptions,
  joinLater,
  type Mask,
  MomentumEncoder,
  maskedLoss,
  momentumOption,
  nextOfIdentity,
  type ObservableHead,
  readBatch,
  restoreLossState,
  takePart,
  untilDisposed,
  withLossState,
} from '@protomem/heads';
import * as tf from '@tensorflow/tfjs';
import { KeyQueue, sizeOption } from './key-queue.ts';

const semiSiameseOptions = {
  ...headOptions,
  size: sizeOption('M, prototypes in the queue, at least the images of a batch: the columns of the softmax.'),
  galleryEncoder: encoderOption('the prototypes'),
  momentum: momentumOption(0.999),
};

/**
 * Semi-siamese training (SST): a momentum encoder makes a gallery feature of each image, and these are the prototypes.
 * Those of the batch enter a first-in-first-out queue before the loss, so that each sample finds its positive among the
 * columns: the gallery feature of the next image of its identity in the batch (of the last one, the first; of a single
 * image, its own).
 *
 * - Every image is once the probe and once the gallery, in one softmax: the mean over the batch is the average of both
 *   directions. (The original computes them apart, each with one gallery feature of an identity.)
 * - Other columns of a sample's identity, of this batch or an earlier one, leave its softmax: exactly for a
 *   `SoftmaxLoss`; for other functions their cosine is -1. The original lets them push the sample away.
 *
 * Needs the batch's images as the third argument of `loss`, and `afterStep` to follow the trained encoder. The backward
 * pass reads the queue's buffer: finish it before the next `loss`.
 *
 * Source: Du et al., "Semi-Siamese Training for Shallow Face Learning", ECCV 2020, and its code in FaceX-Zoo, which
 * wants a queue that the batch divides; this takes any that holds it.
 *
 * @throws ProtomemError when an option is out of its range; `loss` when the batch does not fit
 *
 * @example
 * ```ts
 * const make = () => createEncoder('iresnet18', { inputSize: 64, embeddingSize: 128, seed: 7 });
 * const encoder = make();
 * const head = semiSiamese({ size: 16384, dimension: 128, loss: cosFace(), galleryEncoder: make() });
 * const perSample = head.loss(encoder.apply(images, { training: true }), labels, images);
 * ```
 */
export const semiSiamese = part('semiSiamese', semiSiameseOptions, (options): ObservableHead => {
  const { size, dimension, momentum, loss: cosineLoss } = options;
  const galleryEncoder = new MomentumEncoder('semiSiamese', options.galleryEncoder, momentum, dimension);
  const queue = new KeyQueue(size, dimension);
  let excludedPerSample = 0;

  return untilDisposed({
    name: 'semi-siamese',
    parameters: [],
    loss: (embeddings, labels, images) =>
      tf.tidy(() => {
        const where = 'semiSiamese.loss';
        const batch = readBatch(where, embeddings, labels, queue.dimension);
        const count = batch.labels.length;
        check(count <= queue.size, () => ({
          where,
          what: 'number of images in the batch',
          got: count,
          expected: `at most ${queue.size}, the size of the queue`,
          fix: 'Make the queue larger or the batch smaller.',
        }));
        const gallery = unitRows(galleryEncoder.embed(images, count, queue.step));
        const rows = queue.put(gallery, batch.labels);
        const targets = nextOfIdentity(batch.groups).map((image) => rows[image]!);
        const cosines = tf.matMul<tf.Tensor2D>(batch.unit, queue.columns(), false, true);

        const excluded: Mask = { rows: [], columns: [] };
        batch.labels.forEach((label, i) => {
          for (const row of queue.rowsOf(label)) {
            if (row === targets[i]) continue;
            excluded.rows.push(i);
            excluded.columns.push(row);
          }
        });
        excludedPerSample = excluded.rows.length / count;
        return maskedLoss(cosineLoss, cosines, targets, excluded, { norms: batch.norms });
      }),
    afterStep: ({ encoder }) => galleryEncoder.follow(encoder),
    metrics: () => ({ occupancy: queue.occupied / queue.size, meanAge: queue.meanAge(), excludedPerSample }),
    stalenessProbe: (fresh, ids) => queue.stalenessProbe('semiSiamese.stalenessProbe', fresh, ids),
    state() {
      return withLossState(joinLater({ queue: queue.state(), encoder: galleryEncoder.state() }), cosineLoss);
    },
    restore(state) {
      const where = 'semiSiamese.restore';
      const [gallery, encoder] = [takePart(where, state, 'queue'), takePart(where, state, 'encoder')];
      galleryEncoder.restore(encoder);
      queue.restore(where, gallery);
      restoreLossState(where, state, cosineLoss);
    },
    dispose() {
      queue.dispose();
      galleryEncoder.dispose();
    },
  });
});
