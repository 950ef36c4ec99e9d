export * from './create-encoder.ts';
export * from './define-encoder.ts';
export * from './encoder-files.ts';
export { foldNorms } from './fold-norms.ts';
export * from './from-layers-model.ts';
export { convolution, type Layer, norm, prelu, type Size, type Start, type Weight } from './layer.ts';
export type { EncoderOptions, ResolvedEncoderOptions } from './options.ts';
