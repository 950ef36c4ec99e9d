export * from './full-softmax.ts';
