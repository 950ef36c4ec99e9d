import { createEncoder, loadEncoder, saveEncoder } from '@protomem/encoders';
import * as tf from '@tensorflow/tfjs';

const encoder = createEncoder('mobile-face-net', { inputSize: 64, width: 0.5, seed: 1 });
const images = tf.randomUniform<tf.Rank.R4>([4, 64, 64, 3], 0, 256, 'int32'); // RGB, 0 to 255
const embeddings = encoder.apply(images); // [4, 128], running statistics
encoder.apply(images, { training: true, seed: 1 }).dispose(); // batch statistics, which the running ones follow

await saveEncoder(encoder, 'encoder.safetensors');
const same = await loadEncoder('encoder.safetensors');

export {};
