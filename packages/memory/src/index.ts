export type { StalenessPoint, StalenessProbe } from '@protomem/heads';
export type { GuardedPair } from './guard.ts';
export type { SeenLookAlike } from './look-alikes.ts';
export type { PrototypeMemoryOptions } from './options.ts';
export type { Eviction, Exemplars, Generation, Refresh, Refreshed, Visited } from './policies.ts';
export { prototypeHead } from './prototype-head.ts';
export { createPrototypeMemory, type PrototypeMemory } from './prototype-memory.ts';
export type { Admission } from './slots.ts';
