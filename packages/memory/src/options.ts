import { check, integer, lookUp, number } from '@protomem/core';
import { type Eviction, type EvictionName, toEviction } from './eviction.ts';
import { type Generation, type GenerationName, toGeneration } from './generation.ts';
import { type OwnExample, toOwnExample } from './own-example.ts';
import { type StorageName, stores } from './prototype-store.ts';
import { type Refresh, type RefreshName, toRefresh } from './refresh.ts';

/** Options of `createPrototypeMemory`. C1 ... C7 are the choices that the method leaves open. */
export interface PrototypeMemoryOptions {
  /** M, slots: the most classes that are in memory at once. At least the number of classes in a batch. */
  readonly size: number;
  /** D, width of an embedding. */
  readonly dimension: number;
  /** C1, how a prototype is made from exemplars: a name or a function of your own. Default `mean`. */
  readonly generation?: GenerationName | Generation;
  /** C2, whether an image helps to make the prototype that it is classified against. Default `leave-one-out`. */
  readonly ownExample?: OwnExample;
  /**
   * C3: `stop` treats the batch's prototypes as constants; `exemplars` lets the gradient flow through them into the
   * exemplars that they were made from. Default `stop`.
   */
  readonly gradient?: 'stop' | 'exemplars';
  /** C4, how a class that is in memory is refreshed: a name or a function of your own. Default `blend`. */
  readonly refresh?: RefreshName | Refresh;
  /** r of `blend` and `age-aware`, in [0, 1]. Default 0.2. */
  readonly refreshRatio?: number;
  /** C5, whether a refresh renews the slot's age. Default true. */
  readonly renewAge?: boolean;
  /** C6, who leaves a full memory: a name or a function of your own. Default `oldest`. */
  readonly eviction?: EvictionName | Eviction;
  /**
   * C7, when the batch's prototypes enter. `before` the loss: they are its columns. `after` it: the loss sees the memory
   * as it was, with a column appended for each class that was not in it; costs a copy of the columns. Default `before`.
   */
  readonly enter?: 'before' | 'after';
  /**
   * C8, rate of a gradient step on the prototypes in memory: after each backward pass
   * `p = normalize(p - rate * dLoss/dp)`, for every column. It costs the logits of the whole memory and a third matrix
   * product. Only with `enter: 'before'` and without `hardest`. Default 0: none.
   */
  readonly prototypeRate?: number;
  /**
   * C10, drift compensation: all stored prototypes move with the encoder, in each step by `driftCompensation` times the
   * mean, over the classes that came back, of (fresh - stored) / age. In [0, 1]; costs a pass over the columns. Default
   * 0: none. The other ways of C10 are a sampler that comes back in time, and re-encoding what `stalest()` names.
   */
  readonly driftCompensation?: number;
  /** C9, how prototypes are stored: `float32` or `bfloat16` (half the bytes, engines `node` and `node-gpu`). */
  readonly storage?: StorageName;
  /**
   * Hard-prototype selection: besides its own class, only the `hardest` nearest columns of each sample enter the loss.
   * Exact. Such a loss sees cosines `[B, hardest + 1]`, the sample's own first. Default: all columns enter.
   */
  readonly hardest?: number;
  /**
   * The most bytes that logits take at a time, for losses that can be evaluated over blocks of columns (those of
   * `@protomem/losses` that have a `form`); others are given all cosines at once. Default 8 MiB, about what a
   * processor's cache holds.
   */
  readonly logitBytes?: number;
  /** Samples of each batch for which the nearest other classes are noted, for `rivals()` and `lastLookAlikes()`. Default 4; 0: none. */
  readonly observeRivals?: number;
  /** Of `random` eviction. Default 0. */
  readonly seed?: number;
}

/** The options with names looked up and numbers checked. */
export interface PrototypeMemorySettings {
  readonly size: number;
  readonly dimension: number;
  readonly generation: Generation;
  readonly ownExample: OwnExample;
  readonly gradient: 'stop' | 'exemplars';
  readonly refresh: Refresh;
  readonly refreshRatio: number;
  readonly renewAge: boolean;
  readonly eviction: Eviction | 'random';
  readonly enter: 'before' | 'after';
  readonly prototypeRate: number;
  readonly driftCompensation: number;
  readonly storage: StorageName;
  readonly hardest: number | undefined;
  readonly logitBytes: number;
  readonly observeRivals: number;
  readonly seed: number;
}

export function toSettings(options: PrototypeMemoryOptions): PrototypeMemorySettings {
  const where = 'createPrototypeMemory';
  const oneOf = <T extends string>(what: string, value: T, names: readonly T[]): T => {
    check(names.includes(value), () => ({ where, what, got: value, expected: `one of ${names.join(', ')}` }));
    return value;
  };
  const { prototypeRate = 0, enter = 'before', hardest, storage = 'float32' } = options;
  lookUp(where, 'storage', stores, storage);
  check(prototypeRate === 0 || (enter === 'before' && hardest === undefined), () => ({
    where,
    what: 'prototypeRate',
    got: prototypeRate,
    expected: `0 with enter "${enter}"${hardest === undefined ? '' : ' and hardest'}`,
    fix: 'A gradient step on the prototypes needs enter "before", and no hardest.',
  }));
  return {
    size: integer(where, 'size', options.size, 1, 2 ** 31 - 1),
    dimension: integer(where, 'dimension', options.dimension, 1),
    generation: toGeneration(where, options.generation ?? 'mean'),
    ownExample: toOwnExample(where, options.ownExample ?? 'leave-one-out'),
    gradient: oneOf('gradient', options.gradient ?? 'stop', ['stop', 'exemplars']),
    refresh: toRefresh(where, options.refresh ?? 'blend'),
    refreshRatio: number(where, 'refreshRatio', options.refreshRatio ?? 0.2, 0, 1),
    renewAge: options.renewAge ?? true,
    eviction: toEviction(where, options.eviction ?? 'oldest'),
    enter: oneOf('enter', enter, ['before', 'after']),
    prototypeRate: number(where, 'prototypeRate', prototypeRate, 0, 1e6),
    driftCompensation: number(where, 'driftCompensation', options.driftCompensation ?? 0, 0, 1),
    storage,
    hardest: hardest === undefined ? undefined : integer(where, 'hardest', hardest, 1),
    logitBytes: integer(where, 'logitBytes', options.logitBytes ?? 2 ** 23, 1),
    observeRivals: integer(where, 'observeRivals', options.observeRivals ?? 4, 0),
    seed: integer(where, 'seed', options.seed ?? 0, 0),
  };
}
