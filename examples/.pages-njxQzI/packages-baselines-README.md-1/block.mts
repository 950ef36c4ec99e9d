import { partialFc } from '@protomem/baselines';
import { cosFace } from '@protomem/losses';
import * as tf from '@tensorflow/tfjs';

const head = partialFc({ identities: 500, dimension: 128, columns: 50, loss: cosFace() });
const embeddings = tf.randomNormal<tf.Rank.R2>([4, 128]); // from your encoder
head.loss(embeddings, [0, 3, 3, 499]).print(); // [B], differentiable in embeddings

export {};
