import { type TensorData, takeTensor } from '@protomem/core';

/** Refreshes of about the same age. */
export interface StalenessPoint {
  /** Mean age, steps since the prototype was last written. */
  readonly age: number;
  /** Mean cosine between the stored prototype and the one that the present batch makes for the same class. */
  readonly cosine: number;
  /** Refreshes. */
  readonly count: number;
}

const BINS_PER_OCTAVE = 4;
/** Ages up to 2^32 steps. */
const BINS = 32 * BINS_PER_OCTAVE;

/**
 * The staleness curve, gathered from the refreshes as they happen: cosine against age, in bins that widen with age
 * (four to a doubling). Its size is fixed.
 */
export class Staleness {
  /** For each bin: count, sum of ages, sum of cosines. */
  private sums = new Float64Array(3 * BINS);

  add(age: number, cosine: number): void {
    const bin = Math.min(BINS - 1, Math.floor(BINS_PER_OCTAVE * Math.log2(age)));
    this.sums[3 * bin]! += 1;
    this.sums[3 * bin + 1]! += age;
    this.sums[3 * bin + 2]! += cosine;
  }

  curve(): StalenessPoint[] {
    const points: StalenessPoint[] = [];
    for (let at = 0; at < this.sums.length; at += 3) {
      const [count, age, cosine] = this.sums.subarray(at, at + 3) as unknown as [number, number, number];
      if (count > 0) points.push({ age: age / count, cosine: cosine / count, count });
    }
    return points;
  }

  reset(): void {
    this.sums.fill(0);
  }

  state(): TensorData {
    return { dtype: 'F64', shape: [BINS, 3], data: this.sums.slice() };
  }

  restore(where: string, tensors: Readonly<Record<string, TensorData>>): void {
    this.sums = takeTensor(where, tensors, 'staleness', 'F64', [BINS, 3]).slice();
  }
}
