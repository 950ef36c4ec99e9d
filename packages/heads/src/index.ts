export {
  type Batch,
  checkEmbeddings,
  type Groups,
  groupLabels,
  membership,
  nextOfIdentity,
  readBatch,
} from './batch.ts';
export { distilled } from './distilled.ts';
export { combineTerms, evaluateLoss, targetTerms } from './evaluate-loss.ts';
export { headOptions, shardOptions } from './head-options.ts';
export { joinLater, restoreLossState, takePart, withLossState } from './loss-state.ts';
export { type Mask, maskAt, maskedLoss, negativeLogits, putAt, takeAt } from './masked-loss.ts';
export { mixed } from './mixed.ts';
export { encoderOption, MomentumEncoder, momentumOption } from './momentum-encoder.ts';
export {
  addSums,
  checkDivisible,
  noSums,
  numberOf,
  ownCount,
  ownOf,
  ranksOfShards,
  rowsOfRanks,
  type SoftmaxSums,
  sumsOfRanks,
  wholeOfRanks,
} from './shards.ts';
export {
  type KeptColumn,
  type ObservableHead,
  probeStaleness,
  StalenessBins,
  type StalenessPoint,
  type StalenessProbe,
  stalenessCurve,
} from './staleness.ts';
export { checkInUse, untilDisposed } from './until-disposed.ts';
