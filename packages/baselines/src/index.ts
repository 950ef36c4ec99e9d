export * from './baselines.ts';
export * from './batch-only.ts';
export * from './dcq.ts';
export * from './dynamic-class-pool.ts';
export * from './full-softmax.ts';
export * from './partial-fc.ts';
export * from './semi-siamese.ts';
export { type ObservableHead, type StalenessPoint, type StalenessProbe, stalenessCurve } from './staleness.ts';
