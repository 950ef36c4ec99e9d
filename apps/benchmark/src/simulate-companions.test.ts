import { loadEngine } from '@protomem/engine';
import { beforeAll, describe, expect, it } from 'vitest';
import { simulateCompanions } from './simulate-companions.ts';

// 200 slots, 16 classes a batch, 8 of its places for look-alikes. 200 steps: the last 100 are a whole group of four rounds.
describe('look-alikes beside groups, with far more identities than slots', () => {
  beforeAll(async () => {
    await loadEngine({ threads: 1 });
  });

  it.each([2000, 200_000])('N = %i: the places are filled, with classes in memory that are alike', (identities) => {
    const found = simulateCompanions({ identities, patches: ['sampler.companions=doppelgangers'], steps: 200 });
    expect(found.places).toBe(8);
    expect(found.filled).toBeGreaterThanOrEqual(6);
    // Three rounds of four, those that group members have been seen in, bring look-alikes of the starters themselves.
    expect(found.paired).toBeGreaterThanOrEqual(5);
    expect(found.hitRate).toBeGreaterThanOrEqual(0.6);
    expect(found.nearest).toBeGreaterThan(found.startersNearest);
  });
});
