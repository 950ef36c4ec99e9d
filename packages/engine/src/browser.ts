// What a bundler for browsers takes in place of index.ts.
export * from './everywhere.ts';
export { engineInUse, loadEngine } from './load-engine.browser.ts';
