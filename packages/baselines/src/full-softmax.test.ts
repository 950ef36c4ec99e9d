import type { CosineLoss } from '@protomem/core/contracts';
import { sparseSoftmaxCrossEntropy } from '@protomem/engine';
import { enginesAtHand, expectClose, leaked, numericalGradient, useEngine } from '@protomem/engine/testing';
import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { fullSoftmax } from './index.ts';

const softmax: CosineLoss = (cosines, targets) => sparseSoftmaxCrossEntropy(tf.mul(cosines, 4), targets);
const embeddings = (): tf.Tensor2D => tf.tensor2d([0.5, -1, 2, 0.1, 0.4, -0.3], [2, 3]);

describe.each(await enginesAtHand())('fullSoftmax on %s', (engine) => {
  beforeAll(() => useEngine(engine));

  const unit = (x: number[]): number[] => x.map((v) => v / Math.hypot(...x));
  const dot = (a: number[], b: number[]): number => a.reduce((sum, v, i) => sum + v * b[i]!, 0);

  it('equals a naive loop', () => {
    const head = fullSoftmax({ identities: 4, dimension: 3, loss: softmax, seed: 5 });
    const weights = (head.parameters[0]!.variable.arraySync() as number[][]).map(unit);
    const expected = (embeddings().arraySync() as number[][]).map((e, i) => {
      const logits = weights.map((w) => 4 * dot(unit(e), w));
      return Math.log(logits.reduce((sum, z) => sum + Math.exp(z), 0)) - logits[[3, 0][i]!]!;
    });
    expectClose(head.loss(embeddings(), [3, 0]), expected, 1e-5);
    head.dispose();
  });

  it('equals a naive loop with several centers of each identity, which the loss pools', async () => {
    const centers = 3;
    // As `subCenter` of @protomem/losses: the highest of each identity's columns, which stand side by side.
    const pooled: CosineLoss = (cosines, targets) => {
      const classes = tf.max(tf.reshape(cosines, [cosines.shape[0], -1, centers]), 2) as tf.Tensor2D;
      return softmax(classes, tf.floorDiv(targets, tf.scalar(centers, 'int32')));
    };
    const head = fullSoftmax({ identities: 4, dimension: 3, loss: pooled, seed: 5, centers });
    expect(head.parameters[0]!.variable.shape).toEqual([4 * centers, 3]);
    const weights = (head.parameters[0]!.variable.arraySync() as number[][]).map(unit);
    const columnsOf = (id: number): number[][] => weights.slice(centers * id, centers * (id + 1));
    const units = (embeddings().arraySync() as number[][]).map(unit);
    const nearest = (e: number[], id: number): number => Math.max(...columnsOf(id).map((w) => dot(e, w)));
    const expected = units.map((e, i) => {
      const logits = [0, 1, 2, 3].map((id) => 4 * nearest(e, id));
      return Math.log(logits.reduce((sum, z) => sum + Math.exp(z), 0)) - logits[[3, 0][i]!]!;
    });
    expectClose(head.loss(embeddings(), [3, 0]), expected, 1e-5);
    const f = (e: tf.Tensor): tf.Scalar => tf.sum(head.loss(e as tf.Tensor2D, [3, 0]));
    expectClose(tf.grad(f)(embeddings()), numericalGradient(f, embeddings()), 2e-3);
    // A probe answers with the center that is nearest.
    const probes = head.stalenessProbe(embeddings(), [3, 1]);
    expect(probes.map(({ id }) => id)).toEqual([3]);
    expect(probes[0]!.cosine).toBeCloseTo(nearest(units[0]!, 3), 5);
    const other = fullSoftmax({ identities: 4, dimension: 3, loss: pooled, seed: 6, centers });
    await other.restore(await head.state());
    expect(await other.state()).toEqual(await head.state());
    for (const h of [head, other]) h.dispose();
  });

  it('has the gradients of finite differences, for embeddings and weights', () => {
    const head = fullSoftmax({ identities: 4, dimension: 3, loss: softmax });
    const { variable } = head.parameters[0]!;
    // Weights of about unit length: the finite step is then small beside them.
    variable.assign(tf.mul(variable, 100));
    const start = variable.dataSync().slice();
    const f = (e: tf.Tensor): tf.Scalar => tf.sum(head.loss(e as tf.Tensor2D, [3, 0]));
    expectClose(tf.grad(f)(embeddings()), numericalGradient(f, embeddings()), 2e-3);
    const ofWeights = tf.variableGrads(() => f(embeddings()), [variable]).grads[variable.name]!;
    const byDifferences = numericalGradient(
      (w) => {
        variable.assign(w as tf.Tensor2D);
        return f(embeddings());
      },
      tf.tensor2d(start, [4, 3]),
    );
    expectClose(ofWeights, byDifferences, 2e-3);
    head.dispose();
  });

  it('goes on from its state exactly, and starts from its seed', async () => {
    const head = fullSoftmax({ identities: 4, dimension: 3, loss: softmax, seed: 1 });
    const other = fullSoftmax({ identities: 4, dimension: 3, loss: softmax, seed: 2 });
    const weightsOf = (h: typeof head): number[] => [...h.parameters[0]!.variable.dataSync()];
    expect(weightsOf(other)).not.toEqual(weightsOf(head));
    const state = await head.state();
    const saved = weightsOf(head);
    head.parameters[0]!.variable.assign(tf.zeros([4, 3])); // a state is a copy
    other.restore(state);
    expect(weightsOf(other)).toEqual(saved);
    for (const h of [head, other]) h.dispose();
  });

  it('leaves no tensor behind', () => {
    const x = embeddings();
    expect(
      leaked(() => {
        const head = fullSoftmax({ identities: 4, dimension: 3, loss: softmax });
        head.loss(x, [0, 1]).dispose();
        tf.grad((e) => tf.sum(head.loss(e as tf.Tensor2D, [0, 1])))(x).dispose();
        head.restore(head.state() as never);
        head.dispose();
      }),
    ).toBe(0);
  });
});

describe('fullSoftmax', () => {
  it('starts from small normal deviates', () => {
    const head = fullSoftmax({ identities: 200, dimension: 50, loss: softmax });
    const { mean, variance } = tf.moments(head.parameters[0]!.variable);
    expect(Math.abs(mean.dataSync()[0]!)).toBeLessThan((5 * 0.01) / 100);
    expect(Math.sqrt(variance.dataSync()[0]!)).toBeCloseTo(0.01, 3);
    head.dispose();
  });

  it('refuses what it cannot work with', () => {
    expect(() => fullSoftmax({ identities: 0, dimension: 3, loss: softmax })).toThrow('fullSoftmax: identities is 0');
    expect(() => fullSoftmax({ identities: 4, dimension: 3, loss: softmax, centers: 0 })).toThrow('centers is 0');
    const x = tf.ones<tf.Rank.R2>([1, 3]);
    for (const [loss, centers, message] of [
      [Object.assign(softmax.bind(undefined), { centers: 2 }), 1, 'columns of a class that it pools is 2, expected 1'],
      [Object.assign(softmax.bind(undefined), { form: {} }), 3, 'columns of a class that it pools is 1, expected 3'],
    ] as const) {
      const head = fullSoftmax({ identities: 4, dimension: 3, loss, centers });
      expect(() => head.loss(x, [0])).toThrow(message);
      head.dispose();
    }
    x.dispose();
    const misspelled = { identities: 4, dimension: 3, loss: softmax, sed: 1 };
    expect(() => fullSoftmax(misspelled)).toThrow('fullSoftmax: an option is "sed"');
    const head = fullSoftmax({ identities: 4, dimension: 3, loss: softmax });
    expect(() => head.loss(embeddings(), [0, 4])).toThrow(
      'fullSoftmax.loss: label 1 of 2 is 4, expected an integer in [0, 3].',
    );
    expect(() => head.loss(embeddings(), [0, 1.5])).toThrow('label 1 of 2 is 1.5');
    expect(() => head.loss(embeddings(), [0])).toThrow('number of labels is 1, expected 2');
    expect(() => head.loss(tf.zeros([2, 5]), [0, 1])).toThrow(
      'shape of embeddings is [2, 5], expected [B, 3], B >= 1.',
    );
    expect(() => head.restore({ values: {}, tensors: {} })).toThrow(
      'tensor "weight" is "missing", expected F32 [4,3].',
    );
    head.dispose();
  });
});
