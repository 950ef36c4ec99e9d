import { type OptionsOf, option, type Settings } from '@protomem/core';
import { headOptions, shardOptions } from '@protomem/heads';
import {
  type Eviction,
  evictions,
  type Generation,
  generations,
  type Refresh,
  refreshes,
  targetPrototypes,
} from './policies.ts';
import { stores } from './prototype-store.ts';

/** Options of `createPrototypeMemory`. C1 ... C10, by name in the README, are the choices that the method leaves open. */
export const memoryOptions = {
  size: option.integer({
    help: 'M, slots: the most classes in memory at once, at least those of a batch.',
    min: 1,
    max: 2 ** 31 - 1,
  }),
  dimension: headOptions.dimension,
  generation: option.choiceOrFunction<Generation>()(generations, {
    help: 'How a prototype is made from exemplars; `quality` weights them by embedding length, `recognizability` by how unlike they are to unrecognizable images, `recognizable` leaves those out.',
    default: 'mean',
  }),
  minRecognizability: option.number({
    help: 'Of `recognizable`: images below it are left out of a prototype; 1 less the cosine to the direction of unrecognizable images.',
    ...{ min: 0, max: 1, default: 0.5 },
  }),
  targetPrototype: option.choice(targetPrototypes, {
    help: 'Whether an image helps to make the prototype that it is classified against; under `split`, each half of its images makes the target of the other.',
    default: 'leave-one-out',
  }),
  gradient: option.choice(['stop', 'exemplars'], {
    help: "The batch's prototypes are constants, or the gradient flows through them into their exemplars.",
    default: 'stop',
  }),
  refresh: option.choiceOrFunction<Refresh>()(refreshes, {
    help: 'The share r that the new prototype gets of a class in memory: `normalize((1 - r) old + r new)`.',
    default: 'blend',
  }),
  refreshRatio: option.number({ help: 'r of `blend` and `age-aware`.', min: 0, max: 1, default: 0.2 }),
  renewAge: option.flag({ help: "A refresh renews the slot's age.", default: true }),
  eviction: option.choiceOrFunction<Eviction>()(evictions, {
    help: 'Who leaves a full memory.',
    default: 'oldest',
  }),
  /**
   * C7. `before` the loss: the batch's prototypes are its columns. `after` it: the loss sees the memory as it was, with a
   * column appended for each class that was not in it.
   */
  admit: option.choice(['before', 'after'], {
    help: "The batch's prototypes are admitted before its loss or after it, which costs a copy of the columns.",
    default: 'before',
  }),
  /**
   * C8: after each backward pass `p = normalize(p - rate * dLoss/dp)`, for every column. Only with `admit: 'before'` and
   * without `hardest`.
   */
  prototypeRate: option.number({
    help: 'Rate of a gradient step on the prototypes in memory; costs the logits of the whole memory and a third product.',
    min: 0,
    max: 1e6,
    default: 0,
  }),
  /**
   * C10: all stored prototypes move with the encoder, in each step by this times the mean, over the classes that came
   * back, of (generated - stored) / age. The other ways of C10 are a sampler that comes back in time, and `refreshFrom` on
   * what `stalest()` names (`reencode` of the trainer).
   */
  driftCompensation: option.number({
    help: 'Share of the movement of classes that came back by which all stored prototypes move; costs a pass over the columns.',
    min: 0,
    max: 1,
    default: 0,
  }),
  storage: option.choice(stores, {
    help: 'Precision of stored prototypes; `bfloat16` is half the bytes, on engines `node` and `node-gpu`.',
    default: 'float32',
  }),
  // Each process keeps every size-th slot; who is in which slot, since when, all know. All processes call `loss`, `admit`,
  // `refreshFrom`, `stalenessProbe` and `state` together, with the same arguments. Without `prototypeRate`; a loss has to have a
  // `form`, or the option `hardest` is given.
  ...shardOptions,
  /** Hard-prototype selection, exact. Such a loss sees cosines `[B, hardest + 1]`, the sample's own first. */
  hardest: option.integer({
    help: "Nearest columns of other classes that enter each sample's loss.",
    min: 1,
    absent: 'all',
  }),
  /** The guard against label noise: one person under two names is the hardest pair of all. */
  guardAbove: option.number({
    help: 'Cosine of a class to the most alike other prototype from which on a visit speaks for both being one person; costs a product of C x D x M.',
    ...{ min: Number.MIN_VALUE, max: 1, absent: 'nobody is suspected' },
  }),
  guardVisits: option.integer({
    help: 'Visits that must speak for a pair, less those that speak against it, until neither is pushed away from the other.',
    ...{ min: 1, max: 1e6, default: 3 },
  }),
  guardLimit: option.integer({
    help: 'Suspected pairs kept; the one that nothing has spoken for the longest makes room.',
    ...{ min: 1, max: 2 ** 20, default: 4096 },
  }),
  guardPairs: option.given<readonly (readonly [number, number])[]>()({
    help: 'Pairs of identities known to be one person, such as `findDuplicateIdentities` names: never pushed apart.',
    absent: 'none',
  }),
  /** The default is about what a processor's cache holds. */
  logitBytes: option.integer({
    help: 'The most bytes that logits take at a time, for losses with a `form`; others are given all cosines at once.',
    min: 1,
    default: 2 ** 23,
  }),
  observedSamples: option.integer({
    help: 'Samples of each batch whose nearest other classes are noted, for `lookAlikes()` and `lastLookAlikes()`.',
    min: 0,
    default: 4,
  }),
  seed: option.integer({ help: 'Of `random` eviction.', min: 0, default: 0 }),
};

export interface PrototypeMemoryOptions extends OptionsOf<typeof memoryOptions> {}

/** Every option, defaults filled in. */
export interface MemorySettings extends Settings<typeof memoryOptions> {}
