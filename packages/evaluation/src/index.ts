export * from './bootstrap.ts';
export * from './hardest-pairs.ts';
export * from './histogram.ts';
export * from './pair-scores.ts';
export { areaUnderCurve, equalErrorRate, type RocCurve, rocCurve } from './roc-curve.ts';
export * from './tar-at-far.ts';
export * from './verification.ts';
export * from './verification-report.ts';
