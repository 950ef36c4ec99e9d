import type { Parameter } from '@protomem/core/contracts';
import { enginesAtHand, expectClose, useEngine } from '@protomem/engine/testing';
import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import reference from '../fixtures/reference.json' with { type: 'json' };
import { referenceBatch, referenceCases, referenceImages, referenceValues } from '../fixtures/reference-cases.ts';
import { type EncoderName, encoderCard, encoders } from './create-encoder.ts';
import type { EncoderOptions } from './options.ts';

describe('counts equal PyTorch', () => {
  it.each(reference.counts)('$name $options', ({ name, options, parameters, macs }) => {
    const card = encoderCard(name as EncoderName, options as unknown as EncoderOptions);
    expect({ parameters: card.parameters, macs: card.macs }).toEqual({ parameters, macs });
  });
});

describe.each(await enginesAtHand())('numbers equal PyTorch on %s', (engine) => {
  beforeAll(() => useEngine(engine));

  it.each(reference.cases.map((golden, i) => ({ ...golden, case: referenceCases[i]! })))(
    '$name $options.inputSize',
    (golden) => {
      const encoder = encoders[golden.case.name](golden.case.options, referenceValues());
      const [height, width] = encoder.card.inputSize;
      const images = tf.tensor4d(referenceImages([height, width]), [referenceBatch, height, width, 3], 'int32');
      expectClose(
        tf.tidy(() => encoder.apply(images)),
        golden.inference.flat(),
        1e-3,
      );

      const trained = encoder.parameters.filter(({ trainable }) => trainable);
      const cosines = tf.cos(tf.range(1, golden.training.flat().length + 1));
      let training: Float32Array = new Float32Array();
      const { grads } = tf.variableGrads(
        () => {
          const y = encoder.apply(images, { training: true });
          training = y.dataSync<'float32'>();
          return tf.sum(tf.mul(tf.reshape(y, [-1]), cosines)) as tf.Scalar;
        },
        trained.map(({ variable }) => variable),
      );
      expectClose(training, golden.training.flat(), 1e-3);
      compare(golden.running, encoder.parameters, ({ variable }) => variable);
      compare(golden.gradients, trained, ({ variable }) => grads[variable.name]!);
      expect(Object.keys(golden.gradients)).toHaveLength(trained.length);
      tf.dispose([images, cosines, grads]);
      encoder.dispose();
    },
  );
});

/**
 * float32 against PyTorch's float64: roundings grow through the norms of four images to about 1e-4, a wrong formula is off
 * by far more than 2e-3. Some gradients are truly 0 (a norm takes the offset before it away), hence the floor.
 */
function compare(
  golden: Record<string, number[] | undefined>,
  parameters: readonly Parameter[],
  tensorOf: (parameter: Parameter) => tf.Tensor,
): void {
  const wrong = parameters.flatMap((parameter) => {
    const expected = golden[parameter.name];
    if (!expected) return [];
    const values = tensorOf(parameter).dataSync<'float32'>();
    const projection = values.reduce((sum, value, i) => sum + value * Math.cos(i + 1), 0);
    const length = Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
    const error = Math.hypot(projection - expected[0]!, length - expected[1]!);
    return error > 2e-3 * expected[1]! + 5e-5 ? [{ name: parameter.name, expected, got: [projection, length] }] : [];
  });
  expect(wrong).toEqual([]);
}
