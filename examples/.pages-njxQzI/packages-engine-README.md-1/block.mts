import { batchNormTraining, loadEngine } from '@protomem/engine';
import * as tf from '@tensorflow/tfjs';

const engine = await loadEngine({ prefer: 'auto' });
console.log(`${engine.engine}: ${engine.version} on ${engine.device}, ${engine.threads} threads, ${engine.precision}`);
for (const { engine: name, reason } of engine.rejected) console.log(`not ${name}: ${reason}`);

const { y, mean, variance } = batchNormTraining(tf.randomNormal<tf.Rank.R2>([8, 4]), tf.ones([4]), tf.zeros([4]));
tf.dispose([y, mean, variance]);

export {};
