import { lookUp } from '@protomem/core';

/** What is known of a class in memory, on the step of its visit. */
export interface Visited {
  readonly id: number;
  /** Step in which the class entered the memory. */
  readonly enteredAt: number;
  /** Step from which its age counts: that of its last refresh, or of its entry without `renewAge`. */
  readonly agedFrom: number;
  /** Exemplars that the prototype was made from so far. */
  readonly seen: number;
  /** Mean cosine of the exemplars of its last visit to the prototype as it was then stored. */
  readonly confidence: number;
}

/**
 * An order of eviction (choice C6): called at each visit of a class, and the class with the lowest number goes first;
 * among equals, the one in the lowest slot.
 */
export type Eviction = (visited: Visited) => number;

/**
 * - `oldest`: the class whose last refresh is longest ago (without `renewAge`, whose entry is).
 * - `fifo`: the class that entered first, however often it was refreshed.
 * - `random`: any class, uniformly.
 * - `least-confident`: the class whose last exemplars were least like the prototype stored for them.
 */
export const evictions = {
  oldest: ({ agedFrom }: Visited) => agedFrom,
  fifo: ({ enteredAt }: Visited) => enteredAt,
  random: 'random',
  'least-confident': ({ confidence }: Visited) => confidence,
} as const;

export type EvictionName = keyof typeof evictions;

/** The order of that name; a function stays what it is. `random` is no order: it stays a name. */
export function toEviction(where: string, eviction: EvictionName | Eviction): Eviction | 'random' {
  return typeof eviction === 'function'
    ? eviction
    : lookUp<Eviction | 'random'>(where, 'eviction', evictions, eviction);
}
