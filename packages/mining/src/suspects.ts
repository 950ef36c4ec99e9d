import { ProtomemError, pairKey, type State, takeTensor } from '@protomem/core';

/** Two identities that are so alike that they may be one person. */
export interface Suspect {
  /** The lower of both ids. */
  readonly a: number;
  readonly b: number;
  /** As they were seen last. */
  readonly cosine: number;
  /** Step in which they were seen last. */
  readonly step: number;
}

/** The pairs that were suspected last, at most `limit`; the one seen longest ago makes room. */
export class Suspects {
  readonly limit: number;
  private readonly pairs = new Map<string, Suspect>();

  constructor(limit: number) {
    this.limit = limit;
  }

  add(suspect: Suspect): void {
    const key = pairKey(suspect.a, suspect.b);
    this.pairs.delete(key);
    this.pairs.set(key, suspect);
    if (this.pairs.size > this.limit) this.pairs.delete(this.pairs.keys().next().value!);
  }

  clear(a: number, b: number): void {
    this.pairs.delete(pairKey(a, b));
  }

  /** Those seen in step `since` or later, the most alike first. */
  list(since: number): Suspect[] {
    return [...this.pairs.values()].filter(({ step }) => step >= since).sort((x, y) => y.cosine - x.cosine);
  }

  state(): State {
    const data = Float64Array.from([...this.pairs.values()].flatMap(({ a, b, cosine, step }) => [a, b, cosine, step]));
    return { values: {}, tensors: { suspects: { dtype: 'F64', shape: [this.pairs.size, 4], data } } };
  }

  restore(where: string, { tensors }: State): void {
    const data = takeTensor(where, tensors, 'suspects', 'F64', [null, 4]);
    if (!data.every(Number.isFinite)) {
      throw new ProtomemError({
        where,
        what: 'tensor "suspects"',
        got: 'not finite everywhere',
        expected: 'finite numbers',
      });
    }
    this.pairs.clear();
    for (let i = 0; i < data.length; i += 4) {
      this.add({ a: data[i]!, b: data[i + 1]!, cosine: data[i + 2]!, step: data[i + 3]! });
    }
  }
}
