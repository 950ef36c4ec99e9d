export { type ApproximateIndex, type ApproximateOptions, approximateIndex } from './approximate-neighbors.ts';
export {
  type Bootstrap,
  type BootstrapOptions,
  bootstrap,
  percentileInterval,
  type ResampleOptions,
  resamples,
} from './bootstrap.ts';
export {
  type CalibratedThreshold,
  calibrateThreshold,
  type LogisticCalibration,
  logisticCalibration,
  type Reliability,
  reliability,
  type SplitHalf,
  sameProbability,
  splitHalfStability,
} from './calibration.ts';
export { type HardestPairs, hardestPairs } from './hardest-pairs.ts';
export { type Histogram, histogram } from './histogram.ts';
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
export { type MegaFaceOptions, type MegaFaceRate, type MegaFaceResult, megaFace } from './megaface.ts';
export { type NeighborOptions, type Neighbors, nearestNeighbors, neighborRecall } from './nearest-neighbors.ts';
export { pairScores } from './pair-scores.ts';
export { type Retrieval, type RetrievalOptions, retrieval } from './retrieval.ts';
export { areaUnderCurve, type DetCurve, detCurve, equalErrorRate, type RocCurve, rocCurve } from './roc-curve.ts';
export { MOST_FIGURES, type SignFlipTest, signFlipTest } from './sign-flip-test.ts';
export { takeRows } from './take-rows.ts';
export {
  type FarRule,
  type TarAtFar,
  type TarAtFarOptions,
  tarAtFar,
  tarAtFars,
  tarOfCurve,
  thresholdAtFar,
} from './tar-at-far.ts';
export {
  poolTemplates,
  type TemplateMembers,
  type TemplateOptions,
  type Templates,
  templatePairScores,
  templateRows,
} from './templates.ts';
export type { ThresholdRuleName } from './threshold-rules.ts';
export {
  accuracyAt,
  type BestThreshold,
  bestThreshold,
  type ExactFigures,
  type FoldSplit,
  foldsFor,
  type HoldOut,
  holdOut,
  type ScoredPairs,
  type Verification,
  type VerificationFold,
  type VerificationOptions,
  verification,
  verificationOptions,
} from './verification.ts';
export { type VerificationReport, type VerificationReportOptions, verificationReport } from './verification-report.ts';
