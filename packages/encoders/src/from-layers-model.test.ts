import { leaked } from '@protomem/engine/testing';
import * as tf from '@tensorflow/tfjs';
import { expect, it } from 'vitest';
import { fromLayersModel } from './from-layers-model.ts';

function model(): tf.Sequential {
  return tf.sequential({
    name: 'mine',
    layers: [
      tf.layers.conv2d({ name: 'conv', inputShape: [8, 6, 3], filters: 4, kernelSize: 3, padding: 'same' }),
      tf.layers.batchNormalization({ name: 'bn' }),
      tf.layers.globalAveragePooling2d({ name: 'pool' }),
      tf.layers.dense({ name: 'embedding', units: 5 }),
    ],
  });
}

it('describes the model', () => {
  const encoder = fromLayersModel(model(), { source: 'test' });
  expect(encoder.card).toEqual({
    name: 'mine',
    inputSize: [8, 6],
    embeddingSize: 5,
    normalization: { mean: 0, std: 1 },
    parameters: 3 * 3 * 3 * 4 + 4 + 8 + 4 * 5 + 5,
    macs: 8 * 6 * 3 * 3 * 3 * 4 + 4 * 5,
    source: 'test',
  });
  expect(encoder.parameters.filter(({ decay }) => decay).map(({ name }) => name)).toEqual([
    'conv/kernel',
    'embedding/kernel',
  ]);
  expect(encoder.parameters.filter(({ trainable }) => !trainable).map(({ name }) => name)).toEqual([
    'bn/moving_mean',
    'bn/moving_variance',
  ]);
  encoder.dispose();
});

it('keeps the statistics of a layer that is frozen, and moves the others; says when it is disposed', () => {
  for (const frozen of [true, false]) {
    const own = model();
    own.getLayer('bn').trainable = !frozen;
    const encoder = fromLayersModel(own);
    const statistics = () =>
      own
        .getLayer('bn')
        .getWeights()
        .slice(2)
        .map((x) => Array.from(x.dataSync()));
    const before = statistics();
    const images = tf.randomUniform<tf.Rank.R4>([2, 8, 6, 3], 0, 255, 'int32', 1);
    encoder.apply(images, { training: true }).dispose();
    if (frozen) expect(statistics()).toEqual(before);
    else expect(statistics()).not.toEqual(before);
    encoder.dispose();
    encoder.dispose();
    expect(() => encoder.apply(images)).toThrow('mine.apply: the encoder is "disposed"');
    images.dispose();
  }
});

it('normalizes, embeds as the model does, trains, and leaks nothing', () => {
  const own = model();
  const encoder = fromLayersModel(own, { normalization: { mean: 100, std: 50 } });
  const images = tf.randomUniform<tf.Rank.R4>([2, 8, 6, 3], 0, 255, 'int32', 1);
  const [embedded, direct] = tf.tidy(() => [
    encoder.apply(images).dataSync(),
    (own.predict(tf.div(tf.sub(tf.cast(images, 'float32'), 100), 50)) as tf.Tensor).dataSync(),
  ]);
  embedded.forEach((value, i) => {
    expect(value).toBeCloseTo(direct[i]!, 4);
  });
  const trained = encoder.parameters.filter(({ trainable }) => trainable).map(({ variable }) => variable);
  const { value, grads } = tf.variableGrads(
    () => tf.sum(tf.square(encoder.apply(images, { training: true }))) as tf.Scalar,
    trained,
  );
  expect(Object.keys(grads)).toHaveLength(trained.length);
  tf.dispose([value, grads]);
  expect(leaked(() => encoder.apply(images).dispose())).toBe(0);
  expect(leaked(() => encoder.apply(images, { training: true }).dispose())).toBe(0);
  encoder.dispose();
  images.dispose();
});

it('refuses models that do not fit', () => {
  const grey = tf.sequential({ layers: [tf.layers.flatten({ inputShape: [8, 8, 1] })] });
  expect(() => fromLayersModel(grey)).toThrow(
    /input of the model is .*expected one of shape \[null, height, width, 3\]/,
  );
  const maps = tf.sequential({ layers: [tf.layers.conv2d({ inputShape: [8, 8, 3], filters: 2, kernelSize: 1 })] });
  expect(() => fromLayersModel(maps)).toThrow(/output of the model/);
});
