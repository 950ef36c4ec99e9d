// What a bundler for browsers takes in place of index.ts.
export { createTrainer } from './create-trainer.browser.ts';
export * from './everywhere.ts';
