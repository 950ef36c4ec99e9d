import { check, type State, takeTensor } from '@protomem/core';
import { unitRows } from '@protomem/engine';
import { ownOf, StalenessBins, wholeOfRanks } from '@protomem/heads';
import * as tf from '@tensorflow/tfjs';
import { Guard } from './guard.ts';
import type { Memory } from './method.ts';
import { DriftingStore, type PrototypeStore } from './prototype-store.ts';

/** Rows as they are kept: what is read of a moving store is rounded anew. */
const keptIn = (store: PrototypeStore): PrototypeStore => (store instanceof DriftingStore ? store.kept : store);

/** Everything that a memory's future depends on, as data; of one that is divided among ranks, whole on rank 0. */
export function memoryState(memory: Memory, staleness: StalenessBins): State {
  const { settings, slots, store, ranks } = memory;
  const { dimension } = settings;
  const { occupied } = slots;
  const { values, tensors } = commonState(memory, staleness);
  const data = wholeOfRanks(occupied, dimension, ranks, (from, n) => keptIn(store).block(from, n));
  if (!data) return { values, tensors };
  return { values, tensors: { ...tensors, prototypes: { dtype: 'F32', shape: [occupied, dimension], data } } };
}

/** The same without the prototypes. */
export function commonState(
  { settings, slots, store, unrecognizable, guard }: Memory,
  staleness: StalenessBins,
): State {
  const { dimension } = settings;
  const { values, tensors } = slots.state();
  const drifting = store instanceof DriftingStore ? store : undefined;
  return {
    values,
    tensors: {
      ...tensors,
      staleness: staleness.state(),
      ...(guard.looks && { guard: guard.state() }),
      ...(drifting && { moved: { dtype: 'F32', shape: [dimension], data: drifting.moved() } }),
      ...(unrecognizable && {
        unrecognizable: { dtype: 'F32', shape: [dimension], data: Float32Array.from(unrecognizable.dataSync()) },
      }),
    },
  };
}

/** Takes over a state, which is checked as a whole before anything is changed. */
export function restoreMemory(where: string, state: State, memory: Memory, staleness: StalenessBins): void {
  const { settings, slots, store, unrecognizable, guard, ranks } = memory;
  const { dimension } = settings;
  const drifting = store instanceof DriftingStore ? store : undefined;
  const count = state.tensors.ids?.shape[0] ?? 0;
  const prototypes = takeTensor(where, state.tensors, 'prototypes', 'F32', [count, dimension]);
  // A memory of another generation, or of an earlier release, has none: it begins anew.
  const hasUnrecognizable = unrecognizable !== undefined && 'unrecognizable' in state.tensors;
  const direction = hasUnrecognizable
    ? takeTensor(where, state.tensors, 'unrecognizable', 'F32', [dimension])
    : new Float32Array(dimension);
  // One saved without drift compensation has not moved; one saved with it is kept less what it had moved.
  const moved =
    'moved' in state.tensors
      ? takeTensor(where, state.tensors, 'moved', 'F32', [dimension])
      : new Float32Array(dimension);
  for (const [name, values] of Object.entries({ prototypes, unrecognizable: direction, moved })) {
    check(values.every(Number.isFinite), () => ({
      where,
      what: `tensor "${name}"`,
      got: 'not finite everywhere',
      expected: 'finite numbers',
      fix: 'Take another checkpoint.',
    }));
  }
  const curve = takeTensor(where, state.tensors, 'staleness', 'F64', StalenessBins.shape);
  // One saved without a guard has no pairs.
  const saved = state.tensors.guard && takeTensor(where, state.tensors, 'guard', 'F64', [null, 4]);
  const pairs = saved && guard.looks ? Guard.read(where, saved) : [];
  const kept = slots.restore(where, state);
  guard.restore(pairs);
  staleness.restore(curve);
  const { places: own } = ownOf(
    Int32Array.from(kept, (_, slot) => slot),
    ranks,
  );
  const rows = new Float32Array(own.length * dimension);
  own.forEach((slot, at) => {
    const row = kept[slot]!;
    rows.set(prototypes.subarray(row * dimension, (row + 1) * dimension), at * dimension);
  });
  drifting?.restoreMoved(moved);
  tf.tidy(() => {
    unrecognizable?.assign(tf.tensor1d(direction.slice()));
    const saved = tf.tensor2d(rows, [own.length, dimension]);
    keptIn(store).write(
      Int32Array.from(own),
      drifting || !moved.some(Boolean) ? saved : unitRows(tf.add(saved, moved)),
    );
  });
}
