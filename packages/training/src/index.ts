export * from './adam-w.ts';
export * from './checkpoint.ts';
export * from './clip.ts';
export * from './console-logger.ts';
export * from './hooks.ts';
export * from './jsonl-logger.ts';
export * from './logger.ts';
export * from './optimizer.ts';
export * from './optimizers.ts';
export {
  type LoggedEvaluation,
  type LoggedStep,
  loggedEvaluation,
  loggedStep,
  type RunLog,
  readRunLog,
} from './read-log.ts';
export * from './recipe.ts';
export * from './schedules.ts';
export * from './sgd.ts';
export * from './tensorboard-logger.ts';
export * from './throughput.ts';
export * from './trainer.ts';
export * from './trainer-options.ts';
