export {
  type ObservableHead,
  type StalenessPoint,
  type StalenessProbe,
  stalenessCurve,
} from '@protomem/heads';
export { type BaselineName, type BaselineOptions, baselines, createBaseline } from './baselines.ts';
export { batchOnly } from './batch-only.ts';
export { dcq } from './dcq.ts';
export { dynamicClassPool } from './dynamic-class-pool.ts';
export { fullSoftmax } from './full-softmax.ts';
export { partialFc } from './partial-fc.ts';
export { semiSiamese } from './semi-siamese.ts';
