import { expect, it } from 'vitest';
import { summarize } from './statistics.ts';

it('gives the quantiles that numpy gives', () => {
  // numpy.quantile([4, 1, 3, 2], [0.5, 0.1, 0.9])
  const { runs, median, p10, p90 } = summarize([4, 1, 3, 2]);
  expect(runs).toBe(4);
  expect(median).toBeCloseTo(2.5, 12);
  expect(p10).toBeCloseTo(1.3, 12);
  expect(p90).toBeCloseTo(3.7, 12);
  expect(summarize([7])).toEqual({ runs: 1, median: 7, p10: 7, p90: 7 });
});
