import { leaked } from '@protomem/engine/testing';
import * as tf from '@tensorflow/tfjs';
import { expect, it } from 'vitest';
import { encoderState, restoreEncoder } from './encoder-state.ts';
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

/** A network with a layer `c`, as a model that others may have inside. */
function branch(name: string, layer = tf.layers.conv2d({ name: 'c', filters: 4, kernelSize: 3 })): tf.LayersModel {
  const x = tf.input({ shape: [8, 6, 3] });
  const maps = layer.apply(x);
  return tf.model({
    name,
    inputs: x,
    outputs: tf.layers.globalAveragePooling2d({ name: 'g' }).apply(maps) as tf.SymbolicTensor,
  });
}

/** What parts make of one image, side by side. */
function beside(...parts: readonly tf.layers.Layer[]): tf.LayersModel {
  const inputs = tf.input({ shape: [8, 6, 3] });
  const sides = parts.map((part) => part.apply(inputs) as tf.SymbolicTensor);
  return tf.model({ inputs, outputs: tf.layers.concatenate({ name: 'k' }).apply(sides) as tf.SymbolicTensor });
}

it('tells weights of one name in two models inside apart, in files and gradients', async () => {
  const encoder = fromLayersModel(beside(branch('a'), branch('b')));
  expect(encoder.parameters.map(({ name }) => name)).toEqual(['a/c/kernel', 'a/c/bias', 'b/c/kernel', 'b/c/bias']);
  const images = tf.randomUniform<tf.Rank.R4>([1, 8, 6, 3], 0, 255, 'int32', 1);
  const embed = (): number[] => tf.tidy(() => [...encoder.apply(images).dataSync()]);
  const before = embed();
  restoreEncoder(encoder, await encoderState(encoder));
  expect(embed()).toEqual(before);
  images.dispose();
  encoder.dispose();
});

it('keeps names of layers where they tell enough, and counts what several models share once', () => {
  const one = fromLayersModel(
    beside(branch('a'), tf.sequential({ layers: [tf.layers.flatten({ inputShape: [8, 6, 3] })] })),
  );
  expect(one.parameters.map(({ name }) => name)).toEqual(['c/kernel', 'c/bias']);
  one.dispose();
  const layer = tf.layers.conv2d({ name: 'c', filters: 4, kernelSize: 3 });
  const shared = fromLayersModel(beside(branch('a', layer), branch('b', layer)));
  expect(shared.parameters.map(({ name }) => name)).toEqual(['c/kernel', 'c/bias']);
  expect(shared.card.parameters).toBe(3 * 3 * 3 * 4 + 4);
  shared.dispose();
});

it('refuses weights of one name that no model inside tells apart', () => {
  const rows = (name: string): tf.layers.Layer =>
    tf.layers.timeDistributed({
      name,
      inputShape: [8, 6, 3],
      layer: tf.sequential({ layers: [tf.layers.dense({ name: 'd', inputShape: [6, 3], units: 3 })] }),
    });
  const own = tf.sequential({ layers: [rows('p'), rows('q'), tf.layers.flatten({ name: 'f' })] });
  expect(() => fromLayersModel(own)).toThrow(
    'fromLayersModel: name of a weight is "d/kernel", expected a name of its own for each. Give each layer another name.',
  );
  own.dispose();
});

it('counts what models inside compute, and a layer as often as it is called', () => {
  const macsOf = (model: tf.LayersModel, card = {}): number => {
    const encoder = fromLayersModel(model, card);
    encoder.dispose();
    return encoder.card.macs;
  };
  const once = 6 * 4 * 3 * 3 * 3 * 4;
  expect(macsOf(beside(branch('a'), branch('b')))).toBe(2 * once);
  expect(macsOf(tf.sequential({ layers: [branch('a'), tf.layers.dense({ name: 'e', units: 5 })] }))).toBe(once + 4 * 5);
  const twice = (): tf.LayersModel => {
    const inputs = tf.input({ shape: [8, 6, 3] });
    const shared = tf.layers.conv2d({ name: 'c', filters: 3, kernelSize: 3 });
    const maps = shared.apply(shared.apply(inputs)) as tf.SymbolicTensor;
    return tf.model({
      inputs,
      outputs: tf.layers.globalAveragePooling2d({ name: 'g' }).apply(maps) as tf.SymbolicTensor,
    });
  };
  expect(macsOf(twice())).toBe((6 * 4 + 4 * 2) * 3 * 3 * 3 * 3);
  expect(macsOf(twice(), { macs: 5 })).toBe(5);
});

it('refuses models that do not fit', () => {
  const grey = tf.sequential({ layers: [tf.layers.flatten({ inputShape: [8, 8, 1] })] });
  expect(() => fromLayersModel(grey)).toThrow(
    /input of the model is .*expected one of shape \[null, height, width, 3\]/,
  );
  const maps = tf.sequential({ layers: [tf.layers.conv2d({ inputShape: [8, 8, 3], filters: 2, kernelSize: 1 })] });
  expect(() => fromLayersModel(maps)).toThrow(/output of the model/);
});
