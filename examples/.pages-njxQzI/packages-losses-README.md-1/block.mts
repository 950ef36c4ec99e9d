import { cosFace } from '@protomem/losses';
import * as tf from '@tensorflow/tfjs';

const loss = cosFace({ scale: 64, margin: 0.4 });
const cosines = tf.tensor2d([
  [0.7, 0.1, -0.2],
  [0.0, 0.3, 0.2],
]); // [B, M]
const targets = tf.tensor1d([0, 2], 'int32'); // the column of each sample's own class
loss(cosines, targets).print(); // one loss per sample, [B]

export {};
