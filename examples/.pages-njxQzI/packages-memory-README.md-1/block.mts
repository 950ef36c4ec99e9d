import { cosFace } from '@protomem/losses';
import { createPrototypeMemory } from '@protomem/memory';
import * as tf from '@tensorflow/tfjs';

const memory = createPrototypeMemory({ size: 1000, dimension: 128 });
const embeddings = tf.randomNormal<tf.Rank.R2>([4, 128]); // from your encoder
const labels = [7, 7, 2 ** 40, 2 ** 40]; // any integers in [0, 2^53)
const perSample = memory.loss(embeddings, labels, cosFace()); // [B], differentiable in embeddings
perSample.print();
console.log(memory.metrics());

export {};
