import * as tf from '@tensorflow/tfjs';
import { expect, it } from 'vitest';
import { createPrototypeMemory } from './prototype-memory.ts';

it('a disposed memory says so, whatever is asked of it', () => {
  const memory = createPrototypeMemory({ size: 4, dimension: 2 });
  const state = memory.state();
  memory.dispose();
  memory.dispose();
  const embeddings = tf.ones<tf.Rank.R2>([1, 2]);
  for (const use of [
    () => memory.columns(),
    () => memory.admit(embeddings, [1]),
    () => memory.loss(embeddings, [1], (cosines) => tf.sum(cosines, 1)),
    () => memory.stalenessProbe(embeddings, [1]),
    () => memory.state(),
    () => memory.restore(state),
  ]) {
    expect(use).toThrow(/PrototypeMemory\.\w+: the memory is "disposed", expected one that is still in use/);
  }
  embeddings.dispose();
});

it('a memory that no machine can hold is refused before it is made, with what to lower', () => {
  expect(() => createPrototypeMemory({ size: 2 ** 31 - 1, dimension: 4096 })).toThrow(
    /size is 2147483647, expected less: that takes 32768\.0 GiB, and [\d.]+ GiB are free\. Lower size/,
  );
});
