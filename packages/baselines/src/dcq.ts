import { part } from '@protomem/core';
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
import { PendingWrite } from './pending-write.ts';

const dcqOptions = {
  ...headOptions,
  size: sizeOption('M, keys in the queue: the negative columns. Any number.'),
  keyEncoder: encoderOption('the keys'),
  momentum: momentumOption(0.999),
};

/**
 * DCQ, dynamic class queue: a momentum encoder makes a key of each image, and a queue holds the last keys. A sample's
 * softmax has its own key as the one positive column and the queue's keys as the others. Keys enter the queue after
 * the loss, so that a batch's keys are no negatives of each other.
 *
 * - A sample's key is that of the next image of its identity in the batch (of the last one, the first), as the original
 *   draws two images for each; of a single image, its own.
 * - Keys of the sample's own identity in the queue leave its softmax: exactly for a `SoftmaxLoss`; for other functions
 *   their cosine is -1.
 * - The queue starts empty and the softmax has as many columns as there are keys. (The original's starts with noise.)
 *
 * Needs the batch's images as the third argument of `loss`, and `afterStep` to follow the trained encoder.
 *
 * Source: Li et al., "Dynamic Class Queue for Large Scale Face Recognition In the Wild", CVPR 2021. Its code keeps
 * identities as float32 (those above 2^24 collide), wants a queue that the batch divides, and does not save the queue;
 * this does not. Keys of one batch are normalized together, not shuffled among devices.
 *
 * @throws ProtomemError when an option is out of its range; `loss` when the batch does not fit
 *
 * @example
 * ```ts
 * const make = () => createEncoder('iresnet18', { inputSize: 64, embeddingSize: 128, seed: 7 });
 * const encoder = make();
 * const head = dcq({ size: 8192, dimension: 128, loss: cosFace(), keyEncoder: make() });
 * const perSample = head.loss(encoder.apply(images, { training: true }), labels, images);
 * ```
 */
export const dcq = part('dcq', dcqOptions, ({ size, dimension, loss: cosineLoss, ...options }): ObservableHead => {
  const keyEncoder = new MomentumEncoder('dcq', options.keyEncoder, options.momentum, dimension);
  const queue = new KeyQueue(size, dimension);
  const write = new PendingWrite();
  let excludedPerSample = 0;

  return untilDisposed({
    name: 'dcq',
    parameters: [],
    loss: (embeddings, labels, images) =>
      tf.tidy(() => {
        write.flush();
        const batch = readBatch('dcq.loss', embeddings, labels, queue.dimension);
        const count = batch.labels.length;
        const keys = unitRows(keyEncoder.embed(images, count, queue.step));
        const positive = tf.gather(keys, tf.tensor1d(nextOfIdentity(batch.groups), 'int32'));
        const own = tf.sum<tf.Tensor2D>(tf.mul(batch.unit, positive), 1, true);
        const cosines =
          queue.occupied > 0
            ? tf.concat([own, tf.matMul<tf.Tensor2D>(batch.unit, queue.columns(), false, true)], 1)
            : own;

        const excluded: Mask = { rows: [], columns: [] };
        batch.labels.forEach((label, i) => {
          for (const row of queue.rowsOf(label)) {
            excluded.rows.push(i);
            excluded.columns.push(1 + row);
          }
        });
        excludedPerSample = excluded.rows.length / count;
        const losses = maskedLoss(cosineLoss, cosines, new Int32Array(count), excluded, { norms: batch.norms });
        write.set(keys, (kept) => queue.put(kept, batch.labels));
        return losses;
      }),
    afterStep({ encoder }) {
      write.flush();
      keyEncoder.follow(encoder);
    },
    metrics: () => ({ occupancy: queue.occupied / queue.size, meanAge: queue.meanAge(), excludedPerSample }),
    stalenessProbe(fresh, ids) {
      write.flush();
      return queue.stalenessProbe('dcq.stalenessProbe', fresh, ids);
    },
    state() {
      write.flush();
      return withLossState(joinLater({ queue: queue.state(), encoder: keyEncoder.state() }), cosineLoss);
    },
    restore(state) {
      const where = 'dcq.restore';
      const [keys, encoder] = [takePart(where, state, 'queue'), takePart(where, state, 'encoder')];
      write.drop();
      keyEncoder.restore(encoder);
      queue.restore(where, keys);
      restoreLossState(where, state, cosineLoss);
    },
    dispose() {
      write.drop();
      queue.dispose();
      keyEncoder.dispose();
    },
  });
});
