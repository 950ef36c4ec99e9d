export {
  createDoppelgangerTable,
  type DoppelgangerTable,
  type DoppelgangerTableOptions,
} from './doppelganger-table.ts';
export { doppelgangersFromSimilarities } from './doppelgangers-from-similarities.ts';
export { type DuplicateIdentities, type DuplicateOptions, findDuplicateIdentities } from './duplicate-identities.ts';
export { type CompanionRule, companionRules, type ExpandBatchOptions, expandBatch } from './expand-batch.ts';
export { hardImages } from './hard-images.ts';
export { type HardestOptions, hardestColumns } from './hardest-columns.ts';
export type { Doppelganger } from './look-alike-rows.ts';
export { createMiner, type DoppelgangerMiner, type MinerOptions } from './miner.ts';
export type { Matrix } from './similarity-rows.ts';
export type { Suspect } from './suspects.ts';
