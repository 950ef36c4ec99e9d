export { parseConfig, patchConfig, type RunConfig } from './config.ts';
export { closestRivals, type MemorySummary, reportMemory } from './memory-summary.ts';
export { listPairs, type PairSet } from './pairs.ts';
export { recipes, resolveRecipe } from './recipes/index.ts';
export { defaultRunFolder, parseJson, readRunConfig, runFolder, writeJson } from './run-folder.ts';
export { readRunLog } from './run-log.ts';
export { type FinishedRun, headConfigs, type RunOptions, runRecipe } from './run-recipe.ts';
export type { HeadResult, HeadStep } from './train-head.ts';
