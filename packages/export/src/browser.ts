// What works everywhere, and all that a bundler for browsers takes.
export { type CalibrationFaces, type EncodeOptions, encodeModel, type ModelFiles } from './encode-model.ts';
export { encodeOptions } from './encode-options.ts';
