import { Random } from '@protomem/core';
import { bestThreshold, tarAtFar } from '@protomem/evaluation';
import { expect, it } from 'vitest';
import { summarizePairs } from './summarize.ts';

it('of a list that is not drawn again, thins the curve to what each rate allows', () => {
  const random = new Random(3);
  const labels = Uint8Array.from({ length: 60_000 }, (_, i) => i % 2);
  const scores = Float64Array.from(labels, (label) => random.normal(label, 0.4));
  const outcome = { kind: 'pairs', scores, labels, folds: 10, fars: [1e-2] } as const;
  const { verification, bestAccuracy } = summarizePairs(outcome);
  const { far, tar } = verification.roc;
  expect(far.length).toBeLessThan(2100);
  for (const rate of [1 / 30_000, 1e-3]) {
    const at = far.findLastIndex((one) => one <= rate);
    // Thinned, it ends no lower than at the next of 2,000 places on the left.
    expect(tar[at]).toBeLessThanOrEqual(tarAtFar(scores, labels, rate).tar!);
    if (far[at] === rate) expect(tar[at]).toBe(tarAtFar(scores, labels, rate).tar);
  }
  expect(far).toContain(1 / 30_000);
  expect(bestAccuracy).toBe(bestThreshold(scores, labels).accuracy);
});
