import { lookUp } from '@protomem/core';

/** What is known of a prototype that is about to be refreshed. */
export interface Refreshed {
  readonly id: number;
  /** Steps since the prototype was last written, >= 1. */
  readonly age: number;
  /** Exemplars that it was made from so far. */
  readonly seen: number;
  /** Exemplars in the present batch. */
  readonly exemplars: number;
  /** The option `refreshRatio`. */
  readonly ratio: number;
}

/**
 * A way to refresh a class that is in memory (choice C4): the share r in [0, 1] that the batch's new prototype gets in
 * `normalize((1 - r) * old + r * new)`.
 */
export type Refresh = (refreshed: Refreshed) => number;

/**
 * - `blend`: `r = ratio`.
 * - `replace`: `r = 1`.
 * - `running-mean`: `r = exemplars / (seen + exemplars)`, so that every exemplar since entry counts alike.
 * - `age-aware`: `r = 1 - (1 - ratio)^age`: the old prototype fades by `1 - ratio` in each step of its age.
 */
export const refreshes = {
  blend: ({ ratio }: Refreshed) => ratio,
  replace: () => 1,
  'running-mean': ({ seen, exemplars }: Refreshed) => exemplars / (seen + exemplars),
  'age-aware': ({ age, ratio }: Refreshed) => 1 - (1 - ratio) ** age,
} as const;

export type RefreshName = keyof typeof refreshes;

/** The refresh of that name; a function stays what it is. */
export function toRefresh(where: string, refresh: RefreshName | Refresh): Refresh {
  return typeof refresh === 'function' ? refresh : lookUp<Refresh>(where, 'refresh', refreshes, refresh);
}
