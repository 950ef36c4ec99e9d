export * from './ops/cosines.ts';
export * from './parameters.ts';
