export * from './bootstrap.ts';
export * from './hardest-pairs.ts';
export * from './histogram.ts';
export { type Interval, probit, wilsonInterval } from './intervals.ts';
export * from './pair-scores.ts';
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
export * from './verification.ts';
export * from './verification-report.ts';
