import type { Encoder, Head } from '@protomem/core/contracts';
import * as tf from '@tensorflow/tfjs';
import { expect, it } from 'vitest';
import { distilled } from './distilled.ts';

/** Embeds an image by its mean colour, once it has the teacher's size. */
function teacherOf(size: number, embeddingSize = 3): Encoder {
  const scale = tf.variable(tf.scalar(2));
  return {
    card: { name: 'mean colour', inputSize: [size, size], embeddingSize } as unknown as Encoder['card'],
    parameters: [{ name: 'scale', variable: scale, trainable: true, decay: false }],
    apply: (images) => {
      expect(images.shape.slice(1)).toEqual([size, size, 3]);
      return tf.mul(scale, tf.mean<tf.Tensor2D>(images, [1, 2]));
    },
    dispose: () => scale.dispose(),
  };
}

/** Its loss is the first number of an embedding; remembers what it was asked. */
class FirstNumber {
  readonly name = 'first-number';
  readonly parameters = [];
  readonly asked: string[] = [];
  loss = (embeddings: tf.Tensor2D): tf.Tensor1D => tf.reshape(tf.slice(embeddings, [0, 0], [-1, 1]), [-1]);
  lastEvicted(): number[] {
    this.asked.push('lastEvicted');
    return [4];
  }
  metrics = () => ({ own: 1 });
  state = () => ({ values: { a: 1 }, tensors: {} });
  restore = () => undefined;
  dispose = () => void this.asked.push('dispose');
}

const images = () =>
  tf.tensor4d(
    [9, 0, 0, 0, 4, 3].flatMap((x) => [x, x]),
    [2, 2, 1, 3],
  );
const cosine = (a: readonly number[], b: readonly number[]): number => {
  const dot = (x: readonly number[], y: readonly number[]): number =>
    x.reduce((sum, value, i) => sum + value * y[i]!, 0);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
};

it('adds to each loss of the head what is missing to the cosine to the teacher, differentiable', async () => {
  const pixels = tf.tensor4d([9, 0, 0, 9, 0, 0, 0, 4, 3, 0, 4, 3], [2, 1, 2, 3]);
  const teacher = teacherOf(4);
  const head = distilled({ head: new FirstNumber() as Head, teacher, weight: 5 });
  const rows = [
    [1, 2, 2],
    [0.5, 1, -1],
  ];
  const means = [
    [9, 0, 0],
    [0, 4, 3],
  ];
  const naive = (at: readonly (readonly number[])[]): number[] =>
    at.map((row, i) => row[0]! + 5 * (1 - cosine(row, means[i]!)));
  const loss = (x: tf.Tensor): tf.Tensor1D => head.loss(x as tf.Tensor2D, [0, 1], pixels);
  const tensors = tf.memory().numTensors;
  const found = await tf.tidy(() => loss(tf.tensor2d(rows))).array();
  for (const [i, value] of naive(rows).entries()) expect(found[i]).toBeCloseTo(value, 4);

  const gradient = tf.tidy(
    () =>
      tf
        .grad((x) => tf.sum(loss(x)))(tf.tensor2d(rows))
        .arraySync() as number[][],
  );
  for (let i = 0; i < 2; i++) {
    for (let j = 0; j < 3; j++) {
      const moved = (by: number): number[][] =>
        rows.map((row, r) => row.map((x, c) => (r === i && c === j ? x + by : x)));
      const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b);
      const slope = (sum(naive(moved(1e-4))) - sum(naive(moved(-1e-4)))) / 2e-4;
      expect(gradient[i]![j]).toBeCloseTo(slope, 3);
    }
  }
  await new Promise(setImmediate);
  expect(head.metrics()).toEqual({
    own: 1,
    teacherCosine: expect.closeTo((cosine(rows[0]!, means[0]!) + cosine(rows[1]!, means[1]!)) / 2, 4),
  });
  expect(tf.memory().numTensors).toBe(tensors + 1); // Found values.
  pixels.dispose();
  head.dispose();
});

it('leaves the teacher as it is, and passes on what the head has', () => {
  const inner = new FirstNumber();
  const teacher = teacherOf(4);
  const head = distilled({ head: inner as Head, teacher });
  const embeddings = tf.variable(tf.tensor2d([1, 2, 3, 3, 2, 1], [2, 3]));
  const { grads } = tf.variableGrads(() => tf.sum(head.loss(tf.mul(embeddings, 1), [0, 1], tf.ones([2, 4, 4, 3]))));
  expect(grads[embeddings.name]).toBeDefined();
  expect(grads[teacher.parameters[0]!.variable.name]).toBeFalsy();
  expect(head.parameters).toEqual([]);
  expect(head.lastEvicted!()).toEqual([4]);
  expect(head.lastLookAlikes).toBeUndefined();
  expect(head.state()).toEqual({ values: { a: 1 }, tensors: {} });
  head.dispose();
  expect(inner.asked).toEqual(['lastEvicted', 'dispose']);
  expect(teacher.parameters[0]!.variable.isDisposed).toBe(true);
});

it('refuses embeddings of another width, and to work without images', () => {
  const head = distilled({ head: new FirstNumber() as Head, teacher: teacherOf(4) });
  const embeddings = tf.ones<tf.Rank.R2>([2, 4]);
  expect(() => head.loss(embeddings, [0, 1], images())).toThrow('width of the embeddings is 4, expected 3');
  expect(() => head.loss(tf.ones([2, 3]), [0, 1])).toThrow(
    /images is "missing", expected 2.* A trainer of several processes passes none/,
  );
  expect(() => distilled({ head: {} as Head, teacher: teacherOf(4), weight: -1 })).toThrow('weight is -1');
  head.dispose();
});
