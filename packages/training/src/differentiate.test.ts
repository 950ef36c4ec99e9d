import type { ImageBatch } from '@protomem/core';
import type { Encoder, Head } from '@protomem/core/contracts';
import { expectClose } from '@protomem/engine/testing';
import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { tinyEncoder, tinyHead, tinyLoader } from '../fixtures/tiny-parts.ts';
import { differentiate } from './differentiate.ts';

beforeAll(async () => {
  await tf.setBackend('cpu');
});

/** An encoder that takes each image for itself, and so cannot tell parts from the whole. */
function plainEncoder(): Encoder & { readonly sizes: number[] } {
  const tiny = tinyEncoder();
  const [kernel, scale, running, projection] = tiny.parameters;
  const sizes: number[] = [];
  return {
    ...tiny,
    sizes,
    apply: (images, { training = false } = {}) =>
      tf.tidy(() => {
        sizes.push(images.shape[0]);
        if (training) running!.variable.assign(tf.add(tf.mul(running!.variable, 0.5), tf.mean(images)));
        const x = tf.div(tf.sub(images, 127.5), 127.5) as tf.Tensor4D;
        const features = tf.mean(tf.relu(tf.conv2d(x, kernel!.variable as tf.Tensor4D, 2, 'same')), [1, 2]);
        return tf.matMul(tf.mul(features, scale!.variable) as tf.Tensor2D, projection!.variable as tf.Tensor2D);
      }),
  };
}

describe('differentiate', () => {
  let batch: ImageBatch;
  beforeAll(async () => {
    batch = await tinyLoader({ batchSize: 7 }).next();
  });

  const run = (encoder: Encoder, encoderBatch: number) => {
    const head = tinyHead();
    const parameters = [...encoder.parameters, ...head.parameters].filter(({ trainable }) => trainable);
    const before = tf.memory().numTensors;
    const found = differentiate({ encoder, head, parameters, batch, seed: 3, encoderBatch });
    expect(tf.memory().numTensors - before).toBe(2 + Object.keys(found.gradients).length);
    const running = encoder.parameters.find(({ trainable }) => !trainable)!.variable;
    return { ...found, running: running.dataSync()[0]!, seen: head.metrics().seen };
  };

  it.each([6, 4, 3, 2])('finds the same in parts of at most %i as at once', (encoderBatch) => {
    const [whole, parted] = [plainEncoder(), plainEncoder()];
    const [expected, found] = [run(whole, 7), run(parted, encoderBatch)];
    expectClose(found.loss, expected.loss, 1e-6);
    expectClose(found.norm, expected.norm, 1e-5);
    expect(Object.keys(found.gradients).sort()).toEqual(Object.keys(expected.gradients).sort());
    for (const [name, gradient] of Object.entries(expected.gradients)) {
      expectClose(found.gradients[name]!, gradient, 1e-5);
    }
    expect(found.seen).toBe(7);
    const parts = { 6: [3, 4], 4: [3, 4], 3: [2, 2, 3], 2: [2, 2, 3] }[encoderBatch]!;
    expect(parted.sizes).toEqual([...parts, ...parts]);
  });

  const frozen = (): Encoder => {
    const encoder = plainEncoder();
    return { ...encoder, parameters: encoder.parameters.map((parameter) => ({ ...parameter, trainable: false })) };
  };

  it.each([7, 3])('tells a head the gradient of a frozen encoder that goes in parts of %i', (encoderBatch) => {
    const [encoder, plain] = [frozen(), tinyHead()];
    let seen: number[] = [];
    // As heads do that move weights of their own.
    const look = tf.customGrad((x) => ({
      value: tf.clone(x as tf.Tensor),
      gradFunc: (dy) => {
        seen = [...(dy as tf.Tensor).dataSync()];
        return dy as tf.Tensor;
      },
    }));
    const head: Head = {
      ...plain,
      parameters: [],
      loss: (embeddings, labels, images) => plain.loss(look(embeddings) as tf.Tensor2D, labels, images),
    };
    const { loss, norm, gradients } = differentiate({ encoder, head, parameters: [], batch, seed: 3, encoderBatch });
    expect(seen.some((value) => value !== 0)).toBe(true);
    expect([Object.keys(gradients), norm.dataSync()[0]]).toEqual([[], 0]);
    tf.dispose([loss, norm]);
  });

  it('does so with an encoder that is frozen, too', () => {
    const [expected, found] = [run(frozen(), 7), run(frozen(), 3)];
    expectClose(found.loss, expected.loss, 1e-6);
    expect(Object.keys(found.gradients)).toEqual(Object.keys(expected.gradients));
    for (const [name, gradient] of Object.entries(expected.gradients))
      expectClose(found.gradients[name]!, gradient, 1e-5);
  });

  it('moves running statistics once a part, and repeats its dropout', () => {
    const encoder = tinyEncoder();
    const running = encoder.parameters.find(({ trainable }) => !trainable)!.variable;
    const [images, labels] = [tf.tensor4d(batch.pixels, [...batch.shape]), batch.labels];
    run(encoder, 4);
    const found = running.dataSync();

    const again = tinyEncoder();
    const parts = [tf.slice(images, 0, 3), tf.slice(images, 3, 4)];
    const embeddings = tf.concat(parts.map((part, i) => again.apply(part, { training: true, seed: 3 + i })));
    expectClose(again.parameters.find(({ trainable }) => !trainable)!.variable, found, 1e-6);
    const loss = tf.mean(tinyHead().loss(embeddings, labels));
    expectClose(run(tinyEncoder(), 4).loss, loss, 1e-6);
  });
});
