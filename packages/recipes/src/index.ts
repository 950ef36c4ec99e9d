export { headsWithLookAlikes } from './check-together.ts';
export { makeHead, makeMiner, makeSampler } from './compose.ts';
export { parseConfig, patchConfig, sayings, settled } from './config.ts';
export { startFrom } from './encoder-of.ts';
export { type FoundRun, findRun, type RunRequest } from './find-run.ts';
export { type DataFacts, expectedHitRate } from './hit-rate.ts';
export { type Launched, type LaunchOptions, launchRanks } from './launch-ranks.ts';
export { listOptions } from './list-options.ts';
export { outcome } from './outcome.ts';
export type { HeadContext, OwnParts } from './own-parts.ts';
export { listPairs, type PairSet } from './pairs.ts';
export { encoderName, factsOf, fillIn, lossName, type Plan, planOf } from './plan.ts';
export type { Differences, Recipe, RecipeInputs } from './recipe.ts';
export { recipes, resolveRecipe } from './recipes/index.ts';
export {
  closestLookAlikes,
  type HeadResult,
  type MemorySummary,
  type RunMetrics,
  readRunMetrics,
  summarizeMemory,
  verificationShape,
} from './results.ts';
export { type Configuration, checkRunName, isRunFile, type Run, readRunFile, toRun } from './run-file.ts';
export { defaultRunFolder, readRunConfig, resumeCommand, runFolder, writeJson } from './run-folder.ts';
export { type FinishedRun, headConfigs, type RunOptions, runRecipe } from './run-recipe.ts';
export { type RunConfig, type RunDraft, runSchema } from './run-schema.ts';
export { describe } from './schema.ts';
export type { HeadStep } from './train-head.ts';
