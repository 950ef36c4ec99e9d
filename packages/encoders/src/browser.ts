// What works everywhere, and all that a bundler for browsers takes.

export { type ActivationRanges, activationRanges, type Range } from './activation-ranges.ts';
export {
  createEncoder,
  type EncoderName,
  type EncoderRegistry,
  encoderCard,
  encoderNameOf,
  encoders,
} from './create-encoder.ts';
export {
  type DefinedEncoder,
  defineEncoder,
  type EncoderDefinition,
  type EncoderMaker,
  type InitialValues,
} from './define-encoder.ts';
export { encoderFingerprint } from './encoder-fingerprint.ts';
export { decodeEncoder, encoderState, restoreEncoder } from './encoder-state.ts';
export { foldNorms } from './fold-norms.ts';
export { forFineTuning } from './for-fine-tuning.ts';
export { fromLayersModel } from './from-layers-model.ts';
export {
  convolution,
  type Init,
  type Layer,
  norm,
  normEpsilon,
  partsOf,
  prelu,
  type Size,
  type Weight,
} from './layer.ts';
export type { EncoderOptionSpec, EncoderOptions, ResolvedEncoderOptions } from './options.ts';
export { refitNorms } from './refit-norms.ts';
