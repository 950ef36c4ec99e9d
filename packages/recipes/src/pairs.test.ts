import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeVerificationBin } from '@protomem/data';
import { loadEngine } from '@protomem/engine';
import { syntheticFaces } from '@protomem/synthetic';
import * as tf from '@tensorflow/tfjs';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { makeEncoder } from './compose.ts';
import { patchConfig, settled } from './config.ts';
import { heldOutPairs } from './held-out.ts';
import { loadPairs, verifyPairs } from './pairs.ts';
import { resolveRecipe } from './recipes/index.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'protomem-pairs-'));
});
afterEach(() => rm(dir, { recursive: true }));

it('takes pairs from a verification set of InsightFace, each image once', async () => {
  const faces = syntheticFaces({ identities: 4, imagesPerIdentity: 2, seed: 2, size: 16 });
  const face = async (i: number): Promise<Uint8Array> => (await faces.load(i >> 1, i % 2)).bytes;
  const listed = [0, 1, 2, 3, 0, 2, 1, 3, 4, 5, 6, 7, 4, 6, 5, 7];
  const file = join(dir, 'faces.bin');
  const pairs = Array.from({ length: 8 }, async (_, p) => ({
    a: await face(listed[2 * p]!),
    b: await face(listed[2 * p + 1]!),
    same: p % 4 < 2,
  }));
  await writeVerificationBin(file, await Promise.all(pairs));

  const config = settled(
    patchConfig(resolveRecipe('demo', {}), [
      ...['encoder.inputSize=16', 'encoder.width=0.125', 'encoder.embeddingSize=8', 'head.size=16'],
      `evaluation.pairs=${JSON.stringify({ kind: 'bin', file })}`,
    ]),
  );
  const set = await loadPairs(config);
  expect([...set.pairs]).toEqual(listed);
  expect(set.names[3]).toBe(`${file}#3`);
  expect([...set.labels]).toEqual([1, 1, 0, 0, 1, 1, 0, 0]);
  expect(await set.pixels()).toHaveLength(8);
  expect(set.protocol).toBe('faces.bin, 8 pairs in folds as they are listed');
  expect(set.folds).toBe(4);

  await loadEngine({ prefer: 'auto' });
  const encoder = makeEncoder(config);
  const { pairScores } = (await verifyPairs(encoder, set, 3))!;
  expect(pairScores).toHaveLength(8);
  expect(new Set(pairScores).size).toBe(8);

  // Two processes that take turns: rank 0 gets what rank 1 has given.
  let given = tf.scalar(0) as tf.Tensor;
  const barrier = vi.fn();
  for (const rank of [1, 0]) {
    const allReduce = ([own]: tf.Tensor[]) => {
      const sum = tf.add(own!, given);
      given = sum.clone();
      return [sum];
    };
    Object.assign(tf.backend(), { [Symbol.for('protomem.collective')]: { rank, size: 2, barrier, allReduce } });
    const found = await verifyPairs(encoder, set, 3);
    expect(found?.pairScores).toEqual(rank === 1 ? undefined : pairScores);
    expect(await given.data()).toHaveLength(8 * encoder.card.embeddingSize);
    expect((await given.data()).includes(0)).toBe(rank === 1);
  }
  expect(barrier).toHaveBeenCalledTimes(2);
  Object.assign(tf.backend(), { [Symbol.for('protomem.collective')]: undefined });
});

it.each([
  [{ kind: 'bin' }, /none is "missing", expected a verification set/],
  [
    { kind: 'lfw', dir: 'faces' },
    /none is "missing", expected LFW's pairsDevTest\.txt.* Put it into the folder of images/,
  ],
])('says which set of %j is missing', async (kind, message) => {
  const pairs = { ...kind, file: join(dir, 'none') };
  const config = settled(patchConfig(resolveRecipe('demo', {}), [`evaluation.pairs=${JSON.stringify(pairs)}`]));
  await expect(loadPairs(config)).rejects.toThrow(message);
});

it('draws synthetic faces once, when they are first tested', async () => {
  const faces = { kind: 'synthetic', identities: 10, imagesPerIdentity: 3, count: 10 };
  const config = patchConfig(resolveRecipe('demo', {}), [`evaluation.pairs=${JSON.stringify(faces)}`]);
  const set = await loadPairs(settled(config));
  const drawn = set.pixels();
  // No image that is in no pair.
  expect(await drawn).toHaveLength(new Set(set.pairs).size);
  expect(set.names).toHaveLength(new Set(set.pairs).size);
  expect(set.pixels()).toBe(drawn);
});

it('draws pairs of people who have two tested images', async () => {
  const counts = [1, 3, 1, 3, 3];
  const faces = syntheticFaces({ identities: counts.length, imagesPerIdentity: 3, seed: 1, size: 16 });
  const few = { ...faces, imagesOf: (identity: number) => counts[identity]!, imagesPerIdentity: undefined };
  const { pairs, unreadable } = await heldOutPairs(few, { count: 100 });
  expect(unreadable).toBe(0);
  expect(pairs.filter(({ same }) => same)).toHaveLength(4);
  expect(pairs.every(({ a, b }) => counts[a[0]] === 3 && counts[b[0]] === 3)).toBe(true);
  const single = { ...few, imagesOf: () => 1 };
  await expect(heldOutPairs(single, { count: 100 })).rejects.toThrow(
    'pairs of one person among the 5 tested people of synthetic',
  );
  // More pairs of one person, 106, than of two, 30.
  const two = { ...few, identities: 2, imagesOf: (identity: number) => [15, 2][identity]! };
  expect((await heldOutPairs(two, { count: 20 })).pairs).toHaveLength(30);
});
