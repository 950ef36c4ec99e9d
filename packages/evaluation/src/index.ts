export * from './approximate-neighbors.ts';
export * from './bootstrap.ts';
export * from './calibration.ts';
export * from './hardest-pairs.ts';
export * from './histogram.ts';
export {
  type Identification,
  type IdentificationOptions,
  identifyMerged,
  identifySeparately,
  type RankRate,
  type Subjects,
  type TpirAtFpir,
} from './identification.ts';
export { type Interval, probit, wilsonInterval } from './intervals.ts';
export { type MatrixProduct, type ProductOptions, plainProduct } from './matrix-product.ts';
export * from './megaface.ts';
export * from './nearest-neighbors.ts';
export * from './pair-scores.ts';
export * from './retrieval.ts';
export { areaUnderCurve, type DetCurve, detCurve, equalErrorRate, type RocCurve, rocCurve } from './roc-curve.ts';
export { type SignFlipTest, signFlipTest } from './sign-flip-test.ts';
export {
  type FarRule,
  type TarAtFar,
  type TarAtFarOptions,
  tarAtFar,
  tarAtFars,
  tarOfCurve,
  thresholdAtFar,
} from './tar-at-far.ts';
export * from './templates.ts';
export type { ThresholdRuleName } from './threshold-rules.ts';
export * from './verification.ts';
export * from './verification-report.ts';
