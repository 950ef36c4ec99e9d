export { adamW } from './adam-w.ts';
export { clipByGlobalNorm, globalNorm } from './clip.ts';
export type { HookAnswer, Hooks } from './hooks.ts';
export type { Distribution, LoggedImage, Logger, RunInfo, ScoredPairs } from './logger.ts';
export type { Optimizer } from './optimizer.ts';
export { createOptimizer, type OptimizerName, type OptimizerOptions, optimizers } from './optimizers.ts';
export { checkSameRecipe } from './ranks.ts';
export { checkResumed, type Recipe, type RecipeChange } from './recipe.ts';
export {
  createReencoder,
  type Reencoded,
  type ReencodeOptions,
  type ReencoderParts,
  reencodeOptions,
} from './reencode.ts';
export {
  constant,
  cosine,
  createSchedule,
  multiStep,
  oneCycle,
  polynomial,
  type Schedule,
  type ScheduleName,
  type ScheduleOptions,
  schedules,
} from './schedules.ts';
export { sgd } from './sgd.ts';
export {
  type CheckpointOptions,
  checkpointOptions,
  type RunResult,
  type Trainer,
  type TrainerOptions,
} from './trainer-options.ts';
