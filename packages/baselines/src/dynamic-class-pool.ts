import { check, part, type State, takeTensor } from '@protomem/core';
import { checkMemory, stopGradient, unitRows, updateRows } from '@protomem/engine';
import {
  type Batch,
  encoderOption,
  headOptions,
  joinLater,
  type Mask,
  MomentumEncoder,
  maskedLoss,
  momentumOption,
  type ObservableHead,
  probeStaleness,
  putAt,
  readBatch,
  restoreLossState,
  takeAt,
  takePart,
  untilDisposed,
  withLossState,
} from '@protomem/heads';
import * as tf from '@tensorflow/tfjs';
import { ClassPool, type Plan } from './class-pool.ts';
import { sizeOption } from './key-queue.ts';
import { PendingWrite } from './pending-write.ts';
import { type Change, dealHalves, listChanges, writePlan } from './pool-passes.ts';

const dynamicClassPoolOptions = {
  ...headOptions,
  size: sizeOption('Q, classes in the pool, at least the identities of half a batch: the columns of the softmax.'),
  galleryEncoder: encoderOption('what is in the pool'),
  momentum: momentumOption(0.99),
};

/**
 * FFC's dynamic class pool: Q columns for the identities met last, each with two slots of gallery features from a
 * momentum encoder. A visit writes the slots in turns; a new identity takes the column of the one that was visited
 * longest ago.
 *
 * A step has two passes. The batch is dealt into two halves: of an identity with several images alternate ones go to
 * each (the original's identity loader), identities with one image go to them in turns (its instance loader). In the
 * first pass the second half's gallery features enter the pool and the first half's embeddings are the probes; the pool
 * is then as before, and the second pass has the roles exchanged and stays. So every image is a probe once, and gallery
 * once.
 *
 * Loss of a probe, the mean of two terms:
 * - against the pool's first slots, and against the same with the second slots of identities that were hit in this
 *   pass, each: the given loss when its identity has a column, else `mean(max(0, c))` of its h highest cosines c,
 *   `h = min(max(floor(Q * 0.0002), 3), 10)`.
 *
 * A loss with running statistics, such as AdaFace, meets the probes whose identity has a column, once for each term.
 *
 * The first pass is computed beside the pool, not undone in it, so that nothing of it can stay. Until the pool is full
 * the softmax has as many columns as classes. Needs the batch's images as the third argument of `loss`, and `afterStep`
 * to follow the trained encoder.
 *
 * Source: Wang et al., "An Efficient Training Approach for Very Large Scale Face Recognition" (FFC), CVPR 2022, and its
 * code. That takes its two halves from two loaders and encodes them apart, moves the gallery encoder between the
 * passes, and saves neither it nor the optimizer; here one batch is enough, the gallery encoder moves after the step,
 * and the state is complete.
 *
 * @throws ProtomemError when an option is out of its range; `loss` when the batch does not fit
 *
 * @example
 * ```ts
 * const make = () => createEncoder('iresnet18', { inputSize: 64, embeddingSize: 128, seed: 7 });
 * const encoder = make();
 * const head = dynamicClassPool({ size: 1000, dimension: 128, loss: cosFace(), galleryEncoder: make() });
 * const perSample = head.loss(encoder.apply(images, { training: true }), labels, images);
 * ```
 */
export const dynamicClassPool = part('dynamicClassPool', dynamicClassPoolOptions, (options): ObservableHead => {
  const { size, dimension, momentum, loss: cosineLoss } = options;
  const galleryEncoder = new MomentumEncoder('dynamicClassPool', options.galleryEncoder, momentum, dimension);
  const fix = 'Lower size (head.size of a run) or the embedding size.';
  checkMemory('dynamicClassPool', 'size', size, 8 * size * dimension, fix);
  const pool = new ClassPool(size);
  const newSlot = (): tf.Variable<tf.Rank.R2> =>
    tf.tidy(() => tf.variable(tf.zeros<tf.Rank.R2>([size, dimension]), false));
  const slots = [newSlot(), newSlot()] as const;
  const write = new PendingWrite();
  const highest = Math.min(Math.max(Math.floor(size * 0.0002), 3), 10);
  let last = { hitRate: 0, absent: 0, evicted: 0 };

  /** The loss of every probe against one set of columns, which are `out` for some. */
  function term(batch: Batch, cosines: tf.Tensor2D, targets: readonly (number | undefined)[], out: Mask): tf.Tensor1D {
    const all = targets.map((_, i) => i);
    const present = all.filter((i) => targets[i] !== undefined);
    if (present.length === all.length) {
      return maskedLoss(cosineLoss, cosines, Int32Array.from(targets as number[]), out, { norms: batch.norms });
    }
    const absent = all.filter((i) => targets[i] === undefined);
    const parts = [absentLoss(cosines, absent, out, highest)];
    if (present.length > 0) {
      const placeOf = new Map(present.map((i, place) => [i, place]));
      const outPresent: Mask = { rows: [], columns: [] };
      out.rows.forEach((row, k) => {
        const place = placeOf.get(row);
        if (place === undefined) return;
        outPresent.rows.push(place);
        outPresent.columns.push(out.columns[k]!);
      });
      const rows = tf.tensor1d(present, 'int32');
      const own = Int32Array.from(present, (i) => targets[i]!);
      const norms = tf.gather(batch.norms, rows);
      parts.push(maskedLoss(cosineLoss, tf.gather(cosines, rows), own, outPresent, { norms }));
    }
    const order = new Int32Array(all.length);
    [...absent, ...present].forEach((i, place) => {
      order[i] = place;
    });
    return tf.gather(tf.concat(parts), tf.tensor1d(order, 'int32'));
  }

  return untilDisposed({
    name: 'dynamic-class-pool',
    parameters: [],
    loss: (embeddings, labels, images) =>
      tf.tidy(() => {
        write.flush();
        const batch = readBatch('dynamicClassPool.loss', embeddings, labels, dimension);
        const ids = batch.labels;
        const halves = dealHalves(batch.groups);
        for (const half of halves) checkRoom('dynamicClassPool.loss', new Set(half.map((i) => ids[i])).size, size);
        const gallery = unitRows(galleryEncoder.embed(images, ids.length, pool.step));
        // The gallery of each pass is the half that its probes are not in.
        const plans = [pool.plan(halves[1], ids), pool.plan(halves[0], ids)] as const;
        const columns = Math.max(plans[0].occupied, plans[1].occupied);
        const passOf = new Uint8Array(ids.length);
        for (const i of halves[1]) passOf[i] = 1;
        const targets = ids.map((id, i) => pool.find(id, plans[passOf[i]!]!));

        // What a pass changes of the pool is a few columns: their cosines are put in place of the stored ones'. They
        // come from the batch's gallery, or from the second slots of identities that were hit.
        const changes = listChanges(plans, halves, ids.length);
        const sources = [tf.matMul<tf.Tensor2D>(batch.unit, gallery, false, true)];
        if (changes.secondSlots.length > 0) {
          const stored = tf.gather(slots[1], tf.tensor1d(changes.secondSlots, 'int32'));
          sources.push(tf.matMul(batch.unit, stored, false, true));
        }
        const source = tf.concat(sources, 1);
        const replace = (cosines: tf.Tensor2D, { to, from }: Change): tf.Tensor2D =>
          to.rows.length > 0 ? putAt(cosines, to, takeAt(source, from)) : cosines;
        const shown = columns === size ? slots[0] : tf.slice(slots[0], [0, 0], [columns, dimension]);
        const first = replace(tf.matMul(batch.unit, shown, false, true), changes.first);
        const second = replace(first, changes.second);

        // While the pool fills, one pass may have entered more classes than the other.
        const out: Mask = { rows: [], columns: [] };
        ids.forEach((_, i) => {
          for (let column = plans[passOf[i]!]!.occupied; column < columns; column++) {
            out.rows.push(i);
            out.columns.push(column);
          }
        });
        const losses = tf.mul<tf.Tensor1D>(
          tf.add(term(batch, first, targets, out), term(batch, second, targets, out)),
          0.5,
        );

        last = summarize(plans[1], targets, pool);
        pool.commit(plans[1]);
        write.set(gallery, (features) => writePlan(plans[1], features, slots));
        return losses;
      }),
    afterStep({ encoder }) {
      write.flush();
      galleryEncoder.follow(encoder);
    },
    metrics: () => ({ ...last, occupancy: pool.occupied / size, meanAge: pool.meanAge() }),
    stalenessProbe(fresh, ids) {
      write.flush();
      const find = (id: number) => {
        const column = pool.find(id);
        return column === undefined ? undefined : { row: column, age: pool.age(column) };
      };
      // Of both slots, the one that was written last.
      return probeStaleness('dynamicClassPool.stalenessProbe', fresh, ids, dimension, find, (rows) => {
        const columns = tf.tensor1d([...rows], 'int32');
        const isSecond = tf.tensor2d(
          rows.map((column) => pool.lastSlot(column)),
          [rows.length, 1],
        );
        const [first, second] = slots.map((slot) => tf.gather(slot, columns));
        return unitRows(tf.add(tf.mul(first!, tf.sub(1, isSecond)), tf.mul(second!, isSecond)));
      });
    },
    state() {
      write.flush();
      const shape = [pool.occupied, dimension];
      const features = (slot: tf.Variable): State['tensors'][string] => ({
        dtype: 'F32',
        shape,
        data: slot.dataSync<'float32'>().slice(0, shape[0]! * dimension),
      });
      const own = pool.state();
      const tensors = { ...own.tensors, slot0: features(slots[0]), slot1: features(slots[1]) };
      const parts = { pool: { ...own, tensors }, encoder: galleryEncoder.state() };
      return withLossState(joinLater(parts), cosineLoss);
    },
    restore(state) {
      const at = 'dynamicClassPool.restore';
      const [saved, encoder] = [takePart(at, state, 'pool'), takePart(at, state, 'encoder')];
      const n = saved.tensors.ids?.shape[0] ?? 0;
      const features = ['slot0', 'slot1'].map((name) => takeTensor(at, saved.tensors, name, 'F32', [n, dimension]));
      write.drop();
      galleryEncoder.restore(encoder);
      pool.restore(at, saved);
      const rows = Int32Array.from({ length: n }, (_, row) => row);
      // The backend may keep the array that it is given.
      tf.tidy(() => {
        slots.forEach((slot, i) => {
          updateRows(slot, rows, tf.tensor2d(features[i]!.slice(), [n, dimension]));
        });
      });
      restoreLossState(at, state, cosineLoss);
    },
    dispose() {
      write.drop();
      tf.dispose([...slots]);
      galleryEncoder.dispose();
    },
  });
});

/** `mean(max(0, c))` of each row's highest cosines. */
function absentLoss(cosines: tf.Tensor2D, rows: readonly number[], out: Mask, highest: number): tf.Tensor1D {
  const known = out.rows.length > 0 ? putAt(cosines, out, tf.fill([out.rows.length], -1)) : cosines;
  const own = tf.gather(known, tf.tensor1d([...rows], 'int32'));
  const count = Math.min(highest, cosines.shape[1]);
  // Which ones are highest has no gradient.
  const columns = tf.topk(stopGradient(own), count).indices.dataSync();
  const at: Mask = {
    rows: Array.from(columns, (_, k) => Math.floor(k / count)),
    columns: [...columns],
  };
  const top = tf.reshape(takeAt(own, at), [rows.length, count]);
  return tf.mean(tf.relu(top), 1);
}

function checkRoom(where: string, identities: number, size: number): void {
  check(identities <= size, () => ({
    where,
    what: 'number of identities in half of the batch',
    got: identities,
    expected: `at most ${size}, the size of the pool`,
    fix: 'Make the pool larger or the batch smaller.',
  }));
}

function summarize(
  { placed, evicted }: Plan,
  targets: readonly (number | undefined)[],
  pool: ClassPool,
): { hitRate: number; absent: number; evicted: number } {
  const known = [...placed.keys()].filter((id) => pool.find(id) !== undefined).length;
  return {
    hitRate: placed.size > 0 ? known / placed.size : 0,
    absent: targets.filter((target) => target === undefined).length / targets.length,
    evicted: evicted.size,
  };
}
