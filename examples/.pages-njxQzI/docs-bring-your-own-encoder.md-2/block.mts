import { encoderState, fromLayersModel, restoreEncoder } from '@protomem/encoders';
import * as tf from '@tensorflow/tfjs';

const layers = (): tf.LayersModel =>
  tf.sequential({
    name: 'mine',
    layers: [
      tf.layers.conv2d({
        name: 'conv',
        inputShape: [32, 32, 3],
        filters: 8,
        kernelSize: 3,
        strides: 2,
        activation: 'relu',
      }),
      tf.layers.globalAveragePooling2d({ name: 'pool' }),
      tf.layers.dense({ name: 'embedding', units: 16 }),
    ],
  });
const model = layers();
const encoder = fromLayersModel(model, { normalization: { mean: 127.5, std: 127.5 } });
console.log(encoder.card.parameters); // 368

// Its state, as checkpoints and `saveEncoder` keep it, goes into a model that is made again.
const again = fromLayersModel(layers(), { normalization: { mean: 127.5, std: 127.5 } });
restoreEncoder(again, await encoderState(encoder));

// What TensorFlow.js saves: the model alone, which takes pixels that are normalised already.
let topology: unknown;
await model.save(
  tf.io.withSaveHandler(async (artifacts) => {
    topology = artifacts.modelTopology;
    return { modelArtifactsInfo: tf.io.getModelArtifactsInfoForJSON(artifacts) };
  }),
);
console.log(topology !== undefined); // true

export {};
