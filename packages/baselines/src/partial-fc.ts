import { check, integer, option, part, Random, type RandomState, type Settings, type State } from '@protomem/core';
import type { SoftmaxForm } from '@protomem/core/contracts';
import { rowDots, unitRows, updateRows } from '@protomem/engine';
import {
  type Batch,
  checkDivisible,
  evaluateLoss,
  type Groups,
  headOptions,
  membership,
  type ObservableHead,
  ownCount,
  ownOf,
  ranksOfShards,
  readBatch,
  restoreLossState,
  shardOptions,
  untilDisposed,
  withLossState,
} from '@protomem/heads';
import * as tf from '@tensorflow/tfjs';
import { IdentityWeights, identityOptions } from './identity-weights.ts';
import { negativesOfRanks } from './negatives-of-ranks.ts';

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
  // As InsightFace has it: each process keeps every size-th row, and its momentum, and draws its part of the S columns of those.
  ...shardOptions,
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
 * all N rows in every step, and the gradient has N rows; ours does not.
 *
 * `sharded` divides rows and momentum among processes, as InsightFace does: each draws S / size columns of its own rows, so that
 * the negatives are others than one process draws; with all columns it is the same loss to rounding. All processes call `loss`,
 * `afterStep`, `stalenessProbe` and `state` together, with the same arguments; a loss has to have a `form`.
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
export const partialFc = part('partialFc', partialFcOptions, make, ({ columns, identities }) => {
  integer('partialFc', 'columns', columns, 1, identities);
});

function make(options: Settings<typeof partialFcOptions>): ObservableHead {
  const { identities, dimension, columns, momentum, weightDecay, seed, loss: cosineLoss } = options;
  const ranks = ranksOfShards(options);
  checkDivisible('partialFc', cosineLoss, ranks);
  check(columns >= ranks.size, () => ({
    where: 'partialFc',
    what: 'columns',
    got: columns,
    expected: `at least ${ranks.size}, one for each rank`,
  }));
  // Weights, as drawn and as the engine has them, and the velocity.
  const weights = new IdentityWeights(options, false, 3, ranks);
  const { variable } = weights;
  const { shape } = variable;
  const velocity = tf.tidy(() => tf.variable(tf.fill<tf.Rank.R2>(shape, 0), false));
  const sample = createSampler(ownCount(identities, ranks), ownCount(columns, ranks));
  // A stream of its own, beside that of the weights.
  const rng = new Random(seed, 1);
  let last = { columns: 0, positives: 0 };
  /** Of the last loss: its rows, and the gradient with respect to them at unit length. */
  let pending: { readonly rows: Int32Array; readonly gradient: tf.Tensor2D } | undefined;

  const drop = (): void => {
    pending?.gradient.dispose();
    pending = undefined;
  };
  /** Of one use of the rows; those are all of one step. */
  const collect = (rows: Int32Array, gradient: tf.Tensor2D): void => {
    check(!pending || pending.rows === rows, () => ({
      where: 'partialFc.loss',
      what: 'a gradient',
      got: 'of two losses at once',
      expected: 'of one: each has rows of its own',
      fix: 'Put the images of one step into one call, or make a head for each.',
    }));
    const sum = tf.keep(pending ? tf.add(pending.gradient, gradient) : gradient) as tf.Tensor2D;
    drop();
    pending = { rows, gradient: sum };
  };

  /** `unit * rows^T`, whose backward pass keeps the gradient for the rows. */
  function cosinesTo(unit: tf.Tensor2D, rows: Int32Array): tf.Tensor2D {
    const unitWeights = unitRows(tf.gather(variable, tf.tensor1d(rows, 'int32')));
    const cosines = tf.customGrad((e, save) => {
      (save as tf.GradSaveFunc)([e as tf.Tensor, unitWeights]);
      return {
        value: tf.matMul(e as tf.Tensor2D, unitWeights, false, true),
        gradFunc: (dy: tf.Tensor, [savedUnit, savedWeights]: tf.Tensor[]) => {
          collect(rows, tf.matMul(dy as tf.Tensor2D, savedUnit as tf.Tensor2D, true));
          return tf.matMul(dy as tf.Tensor2D, savedWeights as tf.Tensor2D);
        },
      };
    });
    return cosines(unit) as tf.Tensor2D;
  }

  /** The loss over the rows that all ranks have drawn, each of its own. */
  function lossOfRanks({ unit, norms, groups, labels }: Batch): tf.Tensor1D {
    const { target, negative, combine } = (cosineLoss as unknown as { readonly form: SoftmaxForm }).form;
    const own = ownOf(groups.ids, ranks);
    // A word a step from the stream that all have, and a stream of its own for each rank.
    const { rows } = sample({ ids: own.rows, groupOf: Int32Array.of() }, new Random(rng.uint32(), ranks.rank));
    const placeOf = new Map(own.places.map((group, place) => [group, place]));
    const here = ownOf(labels, ranks).places;
    const byRank = Array.from({ length: ranks.size }, (_, rank) => {
      const positives = ownOf(groups.ids, { ...ranks, rank }).rows.length;
      return Math.max(positives, ownCount(columns, { ...ranks, rank }));
    });
    last = { columns: byRank.reduce((sum, count) => sum + count), positives: groups.ids.length };
    const targets = tf.gather<tf.Tensor2D>(weights.unitRowsOf(groups.ids), tf.tensor1d(groups.groupOf, 'int32'));
    const members = tf.gather(membership(groups), tf.tensor1d(own.places, 'int32'));
    const positive = tf.customGrad((e, save) => {
      (save as tf.GradSaveFunc)([e as tf.Tensor, targets, members]);
      return {
        value: rowDots(e as tf.Tensor2D, targets),
        gradFunc: (dy: tf.Tensor, [savedUnit, savedTargets, savedMembers]: tf.Tensor[]) => {
          const column = tf.expandDims(dy, 1);
          // The first rows are those of the batch.
          const others = tf.zeros<tf.Rank.R2>([rows.length - own.rows.length, dimension]);
          const toOwn: tf.Tensor2D = tf.matMul(savedMembers as tf.Tensor2D, tf.mul<tf.Tensor2D>(savedUnit!, column));
          collect(rows, own.rows.length > 0 ? tf.concat([toOwn, others]) : others);
          return tf.mul(savedTargets!, column);
        },
      };
    })(unit) as tf.Tensor1D;
    const terms = target(positive, { norms });
    const negatives = negativesOfRanks({
      ...{ unit, negative, terms, ranks },
      columns: unitRows(tf.gather(variable, tf.tensor1d(rows, 'int32'))),
      own: { rows: here, columns: here.map((image) => placeOf.get(groups.groupOf[image]!)!) },
      onColumns: (gradient) => collect(rows, gradient),
    });
    return combine ? combine(terms, negatives) : tf.softplus(tf.sub(negatives, terms.logit));
  }

  const withRng = ({ values, tensors }: State): State =>
    withLossState({ values: { ...values, rng: rng.state() }, tensors }, cosineLoss);

  return untilDisposed({
    name: 'partial-fc',
    parameters: [],
    loss: (embeddings, labels) =>
      tf.tidy(() => {
        drop();
        const batch = readBatch('partialFc.loss', embeddings, labels, dimension, identities);
        weights.meet(batch.labels);
        if (ranks.size > 1) return lossOfRanks(batch);
        const { rows, targets, positives } = sample(batch.groups, rng);
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
      return withRng({ values, tensors: { ...tensors, ...weights.whole('velocity', velocity) } });
    },
    ...(ranks.size > 1 && { commonState: () => withRng(weights.commonState()) }),
    restore(state) {
      const saved = weights.partOf('partialFc.restore', state, 'velocity');
      // First of all, since it refuses what is none.
      rng.restore(state.values.rng as RandomState);
      weights.restore('partialFc.restore', state);
      restoreLossState('partialFc.restore', state, cosineLoss);
      tf.tidy(() => velocity.assign(tf.tensor2d(saved, shape)));
      drop();
    },
    dispose() {
      drop();
      tf.dispose([variable, velocity]);
    },
  });
}

interface Sample {
  /** The batch's identities, then the others. */
  readonly rows: Int32Array;
  /** Where each label is in `rows`. */
  readonly targets: Int32Array;
  readonly positives: number;
}

/** Draws rows in O(S), with N bytes of marks that are clean between draws. */
function createSampler(
  identities: number,
  columns: number,
): (groups: Pick<Groups, 'ids' | 'groupOf'>, rng: Random) => Sample {
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
