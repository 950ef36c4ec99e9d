import type { PrototypeMemory, SeenLookAlike } from '@protomem/memory';

/** Training identities that look most alike, each pair once. */
export function closestRivals(memory: PrototypeMemory): SeenLookAlike[] {
  const pairs = new Map<string, SeenLookAlike>();
  for (const pair of memory.lookAlikes()) {
    const key = [pair.id, pair.lookAlike].sort((a, b) => a - b).join();
    if (!pairs.has(key)) pairs.set(key, pair);
  }
  return [...pairs.values()].slice(0, 8);
}

/** What results tell of a memory at the end of training: plain data. */
export interface MemorySummary {
  readonly slots: number;
  readonly used: number;
  /** Steps since the last refresh of every used slot. */
  readonly ages: readonly number[];
  /** Cosine of stored to new prototypes, by age. */
  readonly staleness: readonly {
    readonly from: number;
    readonly to: number;
    readonly count: number;
    readonly meanCosine: number;
  }[];
}

/** What a page shows of a memory. */
export function reportMemory(memory: PrototypeMemory): MemorySummary {
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
