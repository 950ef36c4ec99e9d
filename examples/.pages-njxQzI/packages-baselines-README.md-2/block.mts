import { partialFc } from '@protomem/baselines';
import { createEncoder } from '@protomem/encoders';
import { cosFace } from '@protomem/losses';
import * as tf from '@tensorflow/tfjs';

const head = partialFc({ identities: 500, dimension: 128, columns: 50, loss: cosFace() });
const encoder = createEncoder('iresnet18', { inputSize: 32, embeddingSize: 128, width: 0.125 });
const learningRate = 0.1;
const optimizer = tf.train.sgd(learningRate);

const images = tf.randomUniform<tf.Rank.R4>([4, 32, 32, 3], 0, 255); // from your loader, with their identities
const { value, grads } = tf.variableGrads(() =>
  tf.mean(head.loss(encoder.apply(images, { training: true }), [0, 3, 3, 499], images)),
);
optimizer.applyGradients(grads);
head.afterStep?.({ encoder, learningRate });
value.print();

export {};
