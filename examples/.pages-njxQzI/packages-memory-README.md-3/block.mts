import { cosFace } from '@protomem/losses';
import { createPrototypeMemory } from '@protomem/memory';
import * as tf from '@tensorflow/tfjs';

const memory = createPrototypeMemory({ size: 1000, dimension: 128 });
const embeddings = tf.randomNormal<tf.Rank.R2>([4, 128]); // from your encoder
const labels = [7, 7, 2 ** 40, 2 ** 40]; // any integers in [0, 2^53)
const perSample = memory.loss(embeddings, labels, cosFace()); // [B], differentiable in embeddings
perSample.print();
console.log(memory.metrics());

const squaredHinge = (cosines: tf.Tensor2D, targets: tf.Tensor1D): tf.Tensor1D => {
  const wanted = tf.sub(tf.mul(tf.oneHot(targets, cosines.shape[1]), 2), 1); // 1 at the own class, -1 elsewhere
  return tf.sum(tf.square(tf.relu(tf.sub(0.5, tf.mul(wanted, cosines)))), 1);
};
memory.loss(embeddings, labels, squaredHinge);

const guarded = createPrototypeMemory({ size: 1000, dimension: 128, guardAbove: 0.75, guardPairs: [[7, 2 ** 40]] });
guarded.loss(embeddings, labels, cosFace()).print(); // 0: nobody else is there to be told from
console.log(guarded.metrics().guardedPairs);

export {};
