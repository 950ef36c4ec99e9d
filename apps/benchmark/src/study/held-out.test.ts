import { Random } from '@protomem/core';
import { plainProduct } from '@protomem/evaluation';
import { describe, expect, it } from 'vitest';
import { heldOutFigures } from './held-out.ts';

describe('heldOutFigures', () => {
  const random = new Random(1);
  const [people, each, width] = [60, 4, 8];
  const owners = Array.from({ length: people * each }, (_, i) => Math.floor(i / each));
  const directions = Array.from({ length: people }, () => Array.from({ length: width }, () => random.normal()));
  const embeddings = Float32Array.from(
    owners.flatMap((person) => {
      const row = directions[person]!.map((value) => value + random.normal());
      const length = Math.hypot(...row);
      return row.map((value) => value / length);
    }),
  );
  const cosine = (a: number, b: number): number =>
    Math.fround(
      Array.from({ length: width }, (_, k) => embeddings[a * width + k]! * embeddings[b * width + k]!).reduce(
        (x, y) => x + y,
        0,
      ),
    );
  const pairs = owners.flatMap((person, a) =>
    owners.slice(a + 1).map((other, i) => ({ same: person === other, person, score: cosine(a, a + 1 + i) })),
  );

  it('counts every pair once', async () => {
    const found = await heldOutFigures(embeddings, owners, plainProduct);
    const others = pairs
      .filter(({ same }) => !same)
      .map(({ score }) => score)
      .sort((a, b) => b - a);
    const own = pairs.filter(({ same }) => same);
    for (const [name, far] of Object.entries({ 'tar-1e-2': 1e-2, 'tar-1e-3': 1e-3 })) {
      const limit = others[Math.floor(far * others.length)]!;
      expect(found[name]).toBeCloseTo(own.filter(({ score }) => score > limit).length / own.length, 2);
    }
  });

  it('has an error over people that repeated draws of people confirm', async () => {
    const { 'tar-1e-2': tar, 'tar-1e-2-error': error } = await heldOutFigures(embeddings, owners, plainProduct);
    const others = pairs
      .filter(({ same }) => !same)
      .map(({ score }) => score)
      .sort((a, b) => b - a);
    const limit = others[Math.floor(0.01 * others.length)]!;
    const shares = Array.from({ length: people }, (_, person) => {
      const own = pairs.filter((pair) => pair.same && pair.person === person);
      return own.filter(({ score }) => score > limit).length / own.length;
    });
    const draws = Array.from({ length: 2000 }, () => {
      let sum = 0;
      for (let i = 0; i < people; i++) sum += shares[random.below(people)]!;
      return sum / people;
    });
    const spread = Math.sqrt(draws.reduce((sum, x) => sum + (x - tar!) ** 2, 0) / draws.length);
    expect(error! / spread).toBeGreaterThan(0.9);
    expect(error! / spread).toBeLessThan(1.1);
  });
});
