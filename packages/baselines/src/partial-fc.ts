import { integer, option, part, Random, type RandomState, takeTensor } from '@protomem/core';
import { unitRows, updateRows } from '@protomem/engine';
import {
  evaluateLoss,
  type Groups,
  headOptions,
  type ObservableHead,
  readBatch,
  restoreLossState,
  untilDisposed,
  withLossState,
} from '@protomem/heads';
import * as tf from '@tensorflow/tfjs';
import { IdentityWeights, identityOptions } from './identity-weights.ts';

const partialFcOptions = {
  ...headOptions,
  ...identityOptions,
  columns: option.integer({
    help: "S, classes in a step's softmax, at most N: those of the batch (all, even when they are more), others drawn without replacement.",
    min: 1,
  }),
  momentum: option.number({
    help: "Share of a row's last direction that is kept when the row is next drawn.",
    min: 0,
    max: 1,
    default: 0.9,
  }),
  weightDecay: option.number({ help: 'L2 penalty on the rows of a step.', min: 0, max: 1, default: 5e-4 }),
};

/**
 * Partial FC: a learnt weight per identity as in {@link fullSoftmax}, but each step sees S of the N rows only, those of
 * the batch always among them. A step costs O(B S D) and touches S rows; only bytes grow with N (8 N D).
 *
 * The head moves its rows itself, in `afterStep`, with the step's learning rate: for the rows w of the step, v theirs,
 * `d = gradient + weightDecay * w; v = momentum * v + d; w = w - rate * v`. Rows outside of the step stay as they are:
 * no gradient, no momentum, no decay. The gradient passes through the rows' scaling to unit length. It is gathered in
 * the backward pass, so `loss` must be differentiated with respect to the embeddings; without an `afterStep` before the
 * next `loss` it is dropped. It never meets the trainer's optimizer: clipping by global norm does not see it.
 *
 * Source: An et al., "Partial FC: Training 10 Million Identities on a Single Machine", ICCVW 2021, and "Killing Two
 * Birds with One Stone", CVPR 2022. InsightFace's second version masks a full weight, so that momentum and decay move
 * all N rows in every step, and the gradient has N rows; ours does not. One process, so nothing is sharded.
 *
 * @returns owns weights and momentum, `[N, D]` each, freed by `dispose`
 * @throws ProtomemError when an option is out of its range; `loss` when a label is
 *
 * @example
 * ```ts
 * const head = partialFc({ identities: 100_000, dimension: 128, columns: 10_000, loss: cosFace() });
 * const gradients = tf.variableGrads(() => tf.mean(head.loss(encoder.apply(images), labels)));
 * head.afterStep?.({ encoder, learningRate: 0.1 });
 * ```
 */
export const partialFc = part('partialFc', partialFcOptions, (options): ObservableHead => {
  const { identities, dimension, momentum, weightDecay, seed, loss: cosineLoss } = options;
  const columns = integer('partialFc', 'columns', options.columns, 1, identities);
  const weights = new IdentityWeights(options, false);
  const { variable } = weights;
  const { shape } = variable;
  const velocity = tf.tidy(() => tf.variable(tf.zeros<tf.Rank.R2>(shape), false));
  const sample = createSampler(identities, columns);
  // A stream of its own, beside that of the weights.
  const rng = new Random(seed, 1);
  let last = { columns: 0, positives: 0 };
  /** Of the last loss: its rows, and the gradient with respect to them at unit length. */
  let pending: { readonly rows: Int32Array; readonly gradient: tf.Tensor2D } | undefined;

  const drop = (): void => {
    pending?.gradient.dispose();
    pending = undefined;
  };

  /** `unit * rows^T`, whose backward pass keeps the gradient for the rows. */
  function cosinesTo(unit: tf.Tensor2D, rows: Int32Array): tf.Tensor2D {
    const unitWeights = unitRows(tf.gather(variable, tf.tensor1d(rows, 'int32')));
    const cosines = tf.customGrad((e, save) => {
      (save as tf.GradSaveFunc)([e as tf.Tensor, unitWeights]);
      return {
        value: tf.matMul(e as tf.Tensor2D, unitWeights, false, true),
        gradFunc: (dy: tf.Tensor, [savedUnit, savedWeights]: tf.Tensor[]) => {
          drop();
          pending = { rows, gradient: tf.keep(tf.matMul(dy as tf.Tensor2D, savedUnit as tf.Tensor2D, true)) };
          return tf.matMul(dy as tf.Tensor2D, savedWeights as tf.Tensor2D);
        },
      };
    });
    return cosines(unit) as tf.Tensor2D;
  }

  return untilDisposed({
    name: 'partial-fc',
    parameters: [],
    loss: (embeddings, labels) =>
      tf.tidy(() => {
        drop();
        const batch = readBatch('partialFc.loss', embeddings, labels, dimension, identities);
        const { rows, targets, positives } = sample(batch.groups, rng);
        weights.meet(batch.labels);
        last = { columns: rows.length, positives };
        return evaluateLoss(cosineLoss, cosinesTo(batch.unit, rows), tf.tensor1d(targets, 'int32'), {
          norms: batch.norms,
        });
      }),
    afterStep({ learningRate }) {
      if (!pending) return;
      const { rows, gradient } = pending;
      tf.tidy(() => {
        const at = tf.tensor1d(rows, 'int32');
        const w = tf.gather(variable, at);
        const descent = tf.add(tf.grad((x) => unitRows(x as tf.Tensor2D))(w, gradient), tf.mul(w, weightDecay));
        const direction = tf.add<tf.Tensor2D>(tf.mul(tf.gather(velocity, at), momentum), descent);
        updateRows(velocity, rows, direction);
        updateRows(variable, rows, tf.sub(w, tf.mul(direction, learningRate)));
      });
      drop();
    },
    metrics: () => ({ identities, ...last }),
    stalenessProbe: (fresh, ids) => weights.stalenessProbe('partialFc.stalenessProbe', fresh, ids),
    state() {
      const { values, tensors } = weights.state();
      const data = velocity.dataSync<'float32'>().slice();
      return withLossState(
        { values: { ...values, rng: rng.state() }, tensors: { ...tensors, velocity: { dtype: 'F32', shape, data } } },
        cosineLoss,
      );
    },
    restore(state) {
      const saved = takeTensor('partialFc.restore', state.tensors, 'velocity', 'F32', shape);
      weights.restore('partialFc.restore', state);
      rng.restore(state.values.rng as RandomState);
      restoreLossState('partialFc.restore', state, cosineLoss);
      tf.tidy(() => velocity.assign(tf.tensor2d(saved.slice(), shape)));
      drop();
    },
    dispose() {
      drop();
      tf.dispose([variable, velocity]);
    },
  });
});

interface Sample {
  /** The batch's identities, then the others. */
  readonly rows: Int32Array;
  /** Where each label is in `rows`. */
  readonly targets: Int32Array;
  readonly positives: number;
}

/** Draws rows in O(S), with N bytes of marks that are clean between draws. */
function createSampler(identities: number, columns: number): (groups: Groups, rng: Random) => Sample {
  const taken = new Uint8Array(identities);
  return ({ ids, groupOf }, rng) => {
    const positive = new Set(ids);
    const positives = ids.length;
    const rows = new Int32Array(Math.max(columns, positives));
    rows.set(ids);

    // Negatives are numbered 0 ... end - 1: an identity below `end` has its own number, unless it is a positive one,
    // whose number goes to a negative one that is not below.
    const end = identities - positives;
    const stand = new Map<number, number>();
    let above = end;
    for (const id of ids) {
      if (id >= end) continue;
      while (positive.has(above)) above++;
      stand.set(id, above++);
    }
    // Floyd's draw without replacement: one random number for each.
    const wanted = rows.length - positives;
    const drawn = rows.subarray(positives);
    for (let k = 0; k < wanted; k++) {
      const bound = end - wanted + k;
      const candidate = rng.below(bound + 1);
      drawn[k] = taken[candidate] ? bound : candidate;
      taken[drawn[k]!] = 1;
    }
    for (let k = 0; k < wanted; k++) {
      const number = drawn[k]!;
      taken[number] = 0;
      drawn[k] = stand.get(number) ?? number;
    }
    return { rows, targets: groupOf, positives };
  };
}
