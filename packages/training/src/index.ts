export {
  type Checkpoint,
  latestCheckpoint,
  listCheckpoints,
  pruneCheckpoints,
  readCheckpoint,
  readLatestCheckpoint,
  writeCheckpoint,
} from './checkpoint.ts';
export { consoleLogger, duration } from './console-logger.ts';
export { createTrainer } from './create-trainer.ts';
export * from './everywhere.ts';
export { type IdentitiesMark, type KnownIdentities, knownIdentities } from './identities.ts';
export { jsonlLogger } from './jsonl-logger.ts';
export {
  type LoggedChange,
  type LoggedEvaluation,
  type LoggedStep,
  loggedEvaluation,
  loggedStep,
  type RunLog,
  readRunLog,
} from './read-log.ts';
export { tensorboardLogger } from './tensorboard-logger.ts';
