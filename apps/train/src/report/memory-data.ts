import type { PrototypeMemory, RivalPair } from '@protomem/memory';
import type { ReportMemory } from './report-data.ts';

/** Training identities that look most alike, each pair once. */
export function closestRivals(memory: PrototypeMemory): RivalPair[] {
  const pairs = new Map<string, RivalPair>();
  for (const pair of memory.rivals()) {
    const key = [pair.id, pair.lookAlike].sort((a, b) => a - b).join();
    if (!pairs.has(key)) pairs.set(key, pair);
  }
  return [...pairs.values()].slice(0, 8);
}

/** What a page shows of a memory. */
export function reportMemory(memory: PrototypeMemory): ReportMemory {
  return {
    slots: memory.size,
    used: memory.occupied,
    ages: Array.from(memory.ages()),
    staleness: memory.stalenessCurve().map(({ age, cosine, count }) => ({
      from: age,
      to: age,
      count,
      meanCosine: cosine,
    })),
  };
}
