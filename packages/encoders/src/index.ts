export * from './browser.ts';
export { loadEncoder, saveEncoder } from './encoder-files.ts';
