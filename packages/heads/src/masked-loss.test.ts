import type { CosineLoss, LossContext, SoftmaxForm, SoftmaxLoss } from '@protomem/core/contracts';
import { sparseSoftmaxCrossEntropy, stopGradient, takeElements } from '@protomem/engine';
import { enginesAtHand, expectClose, leaked, numericalGradient, useEngine } from '@protomem/engine/testing';
import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Mask, maskedLoss, putAt, takeAt } from './masked-loss.ts';

/** Only the form of these losses is looked at. */
const formed = (form: SoftmaxForm): SoftmaxLoss =>
  Object.defineProperty(
    Object.assign(() => tf.tensor1d([]), { form }),
    'name',
    { value: 'test' },
  ) as SoftmaxLoss;

const cosFace = (scale = 6, margin = 0.3): SoftmaxLoss =>
  formed({ target: (c) => ({ logit: tf.mul(tf.sub(c, margin), scale) }), negative: scale });

/** A function and nothing more. */
const plainSoftmax = (): CosineLoss => (cosines, columns) => sparseSoftmaxCrossEntropy(tf.mul(cosines, 6), columns);

/** ArcFace of scale 64, so that its logits span 128. */
function arcFace(): SoftmaxLoss {
  const margin = (c: tf.Tensor1D): tf.Tensor1D => {
    const sine = tf.sqrt(tf.maximum(tf.mul(tf.sub(1, c), tf.add(1, c)), 1e-7));
    return tf.sub(tf.mul(c, Math.cos(0.5)), tf.mul(sine, Math.sin(0.5)));
  };
  return formed({ target: (c) => ({ logit: tf.mul(margin(c), 64) }), negative: 64 });
}

/** Circle loss: its negatives' logits rise again far below 0, and it joins them with the target in its own way. */
function circle(): SoftmaxLoss {
  const [scale, m] = [8, 0.25];
  return formed({
    target: (c) => ({ logit: tf.mul(tf.mul(tf.relu(tf.sub(1 + m, stopGradient(c))), tf.sub(c, 1 - m)), scale) }),
    negative: (c) => tf.mul(tf.mul(tf.relu(tf.add(stopGradient(c), m)), tf.sub(c, m)), scale),
    combine: ({ logit }, negatives) => tf.softplus(tf.sub(negatives, logit)),
  });
}

const losses: readonly (readonly [string, SoftmaxLoss])[] = [
  ['cosFace', cosFace(64, 0.4)],
  ['arcFace', arcFace()],
  ['circle', circle()],
];

const values = [
  [0.9, -0.2, 0.99, 0.3, 0.1],
  [-0.4, 0.2, 0.5, -1, 0.95],
  [0.2, 0.7, 1, 0.1, -0.3],
];
const targets = Int32Array.of(0, 4, 1);
const excluded: Mask = { rows: [0, 0, 2, 1, 1, 1, 1], columns: [2, 4, 2, 0, 1, 2, 3] };
const context = { norms: [1, 1, 1] } as unknown as LossContext;

/** The same loss where the columns are really not there, sample by sample. */
function removed(loss: SoftmaxLoss, row: readonly number[], i: number): number {
  const out = excluded.columns.filter((_, k) => excluded.rows[k] === i);
  const others = row.filter((_, j) => j !== targets[i] && !out.includes(j));
  return tf.tidy(() => {
    const { target, negative, combine } = loss.form;
    const terms = target(tf.tensor1d([row[targets[i]!]!]));
    if (others.length === 0) return 0;
    const cosines = tf.tensor2d([[...others]]);
    const logits = typeof negative === 'number' ? tf.mul<tf.Tensor2D>(cosines, negative) : negative(cosines, terms);
    const negatives = tf.logSumExp(logits, 1) as tf.Tensor1D;
    return (combine ?? ((t, n) => tf.softplus(tf.sub(n, t.logit))))(terms, negatives).dataSync()[0]!;
  });
}

describe.each(await enginesAtHand())('maskedLoss on %s', (engine) => {
  beforeAll(() => useEngine(engine));

  it.each(losses)('%s: as if the columns were not there', (_, loss) => {
    const cosines = tf.tensor2d(values);
    const found = maskedLoss(loss, cosines, targets, excluded, context);
    expectClose(
      found,
      values.map((row, i) => removed(loss, row, i)),
      1e-5,
    );
    const gradient = tf.grad((c) => tf.sum(maskedLoss(loss, c as tf.Tensor2D, targets, excluded, context)))(cosines);
    const byElement = gradient.arraySync() as number[][];
    excluded.rows.forEach((row, k) => {
      expect(byElement[row]![excluded.columns[k]!]).toBe(0);
    });
    expect(byElement.flat().every(Number.isFinite)).toBe(true);
    tf.dispose([cosines, found, gradient]);
  });

  it('takes the gradient of a softmax loss to all that count', () => {
    const cosines = tf.tensor2d(values.map((row) => row.map((v) => 0.6 * v)));
    const f = (c: tf.Tensor): tf.Scalar => tf.sum(maskedLoss(cosFace(), c as tf.Tensor2D, targets, excluded, context));
    expectClose(tf.grad(f)(cosines), numericalGradient(f, cosines), 2e-3);
    expect(leaked(() => tf.dispose(tf.tidy(() => tf.grad(f)(cosines))))).toBe(0);
    cosines.dispose();
  });

  it('gives other functions -1, which they can neither fail on nor learn from', () => {
    const angular: CosineLoss = (cosines, columns) => sparseSoftmaxCrossEntropy(tf.mul(tf.acos(cosines), -5), columns);
    for (const loss of [plainSoftmax(), angular]) {
      const seen = values.map((row, i) =>
        row.map((v, j) => (excluded.rows.some((r, k) => r === i && excluded.columns[k] === j) ? -1 : 0.9 * v)),
      );
      const cosines = tf.tensor2d(values.map((row) => row.map((v) => 0.9 * v)));
      const without = (c: tf.Tensor): tf.Tensor1D => maskedLoss(loss, c as tf.Tensor2D, targets, excluded, context);
      expectClose(without(cosines), loss(tf.tensor2d(seen), tf.tensor1d(targets, 'int32')), 1e-6);
      const gradient = tf
        .grad((c) => tf.sum(without(c)))(cosines)
        .arraySync() as number[][];
      excluded.rows.forEach((row, k) => {
        expect(gradient[row]![excluded.columns[k]!]).toBe(0);
      });
    }
  });

  it.each<[string, Partial<SoftmaxForm>, RegExp]>([
    [
      'a logit in a column',
      { target: (c) => ({ logit: tf.expandDims(c, 1) }) },
      /the logit of its form's target is "a tensor of shape \[3, 1\]/,
    ],
    [
      'one logit for all',
      { target: (c) => ({ logit: tf.mean(c) }) },
      /the logit of its form's target is "a tensor of shape \[\], float32"/,
    ],
    ['no terms', { target: () => undefined as never }, /the logit of its form's target is "nothing"/],
    [
      'one value for all',
      { target: (c) => ({ logit: c, values: [tf.mean(c)] }) },
      /one of the values of its form's target is/,
    ],
    [
      'one loss for all',
      { combine: (_, n) => tf.mean(n) },
      /what `combine` of its form returned is "a tensor of shape \[\]/,
    ],
  ])('refuses a form that makes %s, by the name of the loss', (_, form, message) => {
    const loss = formed({ target: (c) => ({ logit: tf.mul(c, 8) }), negative: 8, ...form });
    const cosines = tf.tensor2d(values);
    const tensors = tf.memory().numTensors;
    const refused = (): unknown => tf.tidy(() => maskedLoss(loss, cosines, targets, excluded, context));
    expect(refused).toThrow(message);
    expect(refused).toThrow('the loss test: ');
    expect(tf.memory().numTensors).toBe(tensors);
    cosines.dispose();
  });

  it('takes and replaces elements, with their gradients', () => {
    const matrix = tf.tensor2d(values);
    const at: Mask = { rows: [0, 2], columns: [2, 1] };
    expectClose(takeAt(matrix, at), [0.99, 0.7]);
    const f = (x: tf.Tensor, v: tf.Tensor): tf.Scalar =>
      tf.sum(tf.mul(putAt(x as tf.Tensor2D, at, v as tf.Tensor1D), tf.tensor2d(values)));
    const [toMatrix, toValues] = tf.grads(f)([matrix, tf.tensor1d([5, 6])]);
    expectClose(toValues!, [0.99, 0.7]);
    expectClose(toMatrix!, putAt(matrix, at, tf.tensor1d([0, 0])));
    expectClose(
      putAt(matrix, at, tf.tensor1d([5, 6])),
      values.flatMap((row, i) => row.map((v, j) => (i === 0 && j === 2 ? 5 : i === 2 && j === 1 ? 6 : v))),
    );
  });

  it('calls the loss itself when nothing is excluded, with the context', () => {
    let given: LossContext | undefined;
    const loss: CosineLoss = (cosines, columns, found) => {
      given = found;
      return takeElements(cosines, columns);
    };
    expectClose(maskedLoss(loss, tf.tensor2d(values), targets, { rows: [], columns: [] }, context), [0.9, 0.95, 0.7]);
    expect(given).toBe(context);
  });
});
