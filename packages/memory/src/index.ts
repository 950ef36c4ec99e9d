export * from './eviction.ts';
export * from './generation.ts';
export * from './options.ts';
export * from './own-example.ts';
export * from './prototype-head.ts';
export * from './prototype-memory.ts';
export * from './refresh.ts';
export type { Admission } from './slots.ts';
export type { StalenessPoint } from './staleness.ts';
