// Stands in for what parts declare, until they do.
import { option } from '@protomem/core';
import { losses } from '@protomem/losses';

const share = { min: 0, max: 1 } as const;
export const memoryOptions = {
  size: option.integer({ help: 'Slots.', min: 1 }),
  generation: option.choice(['mean', 'medoid', 'quality'], { help: 'How a prototype is made.', default: 'mean' }),
  targetPrototype: option.choice(['leave-one-out', 'all', 'split'], { help: 'C2', default: 'leave-one-out' }),
  gradient: option.choice(['stop', 'exemplars'], { help: 'C3', default: 'stop' }),
  refresh: option.choice(['blend', 'replace', 'running-mean', 'age-aware'], { help: 'C4', default: 'blend' }),
  refreshRatio: option.number({ help: 'r', ...share, default: 0.2 }),
  renewAge: option.flag({ help: 'C5', default: true }),
  eviction: option.choice(['oldest', 'fifo', 'random', 'least-confident'], { help: 'C6', default: 'oldest' }),
  admit: option.choice(['before', 'after'], { help: 'C7', default: 'before' }),
  prototypeRate: option.number({ help: 'C8', min: 0, max: 1e6, default: 0 }),
  driftCompensation: option.number({ help: 'C10', ...share, default: 0 }),
  storage: option.choice(['float32', 'bfloat16'], { help: 'C9', default: 'float32' }),
  hardest: option.integer({ help: 'Hardest.', min: 1, absent: 'all columns' }),
};
export const lossFields = Object.fromEntries(Object.entries(losses).map(([name, loss]) => [name, loss.options])) as {
  readonly [K in keyof typeof losses]: (typeof losses)[K]['options'];
};
const common = {
  classes: option.integer({ help: 'Identities in a batch.', min: 1 }),
  images: option.integer({ help: 'Images of each.', min: 1 }),
  fewImages: option.choice(['repeat', 'fill', 'skip'], { help: 'few', default: 'repeat' }),
};
export const samplerFields = {
  'classes-by-images': common,
  groups: {
    ...common,
    groupSize: option.integer({ help: 'Group', min: 1, absent: 'as many as the memory has slots' }),
    rounds: option.integer({ help: 'Rounds', min: 1, default: 4 }),
  },
  'every-image': common,
  weighted: { ...common, power: option.number({ help: 'Exponent', ...share, default: 0.5 }) },
};
export const minerFields = {
  doppelgangers: option.integer({ help: 'Look-alikes kept for each identity.', min: 1, default: 4 }),
  expireAfter: option.integer({ help: 'Steps for which they count.', min: 1, default: 200 }),
  duplicateAbove: option.number({ help: 'Cosine.', min: -1, max: 1, default: 0.7 }),
  lag: option.integer({ help: 'Steps between two looks.', min: 1, default: 8 }),
};
export const augmentationFields = {
  flip: option.number({ help: '', ...share, default: 0.5 }),
  crop: option.number({ help: '', min: 0, max: 0.99, default: 0 }),
  shift: option.number({ help: '', ...share, default: 0 }),
  zoom: option.number({ help: '', min: 0, max: 0.9, default: 0 }),
  rotate: option.number({ help: '', min: 0, max: 180, default: 0 }),
  brightness: option.number({ help: '', ...share, default: 0 }),
  contrast: option.number({ help: '', ...share, default: 0 }),
  saturation: option.number({ help: '', ...share, default: 0 }),
  greyscale: option.number({ help: '', ...share, default: 0 }),
  blur: option.number({ help: '', ...share, default: 0 }),
  blurSigma: option.number({ help: '', min: 0.1, max: 10, default: 1.5 }),
  downscale: option.number({ help: '', ...share, default: 0 }),
  downscaleFactor: option.number({ help: '', min: 0.05, max: 1, default: 0.25 }),
  jpeg: option.number({ help: '', ...share, default: 0 }),
  jpegQuality: option.number({ help: '', min: 1, max: 95, default: 30 }),
  cutout: option.number({ help: '', ...share, default: 0 }),
  cutoutSize: option.number({ help: '', ...share, default: 0.35 }),
};
export const loaderFields = {
  workers: option.integer({ help: '', min: 0, default: 1 }),
  prefetch: option.integer({ help: '', min: 1, default: 4 }),
  cacheBytes: option.integer({ help: '', min: 0, default: 0 }),
};
const encoder = {
  inputSize: option.integer({ help: '', min: 16, default: 112 }),
  embeddingSize: option.integer({ help: '', min: 1, default: 512 }),
  width: option.number({ help: '', min: Number.MIN_VALUE, default: 1 }),
  dropout: option.number({ help: '', min: 0, max: 0.95, default: 0 }),
  recompute: option.flag({ help: '', absent: 'false' }),
};
export const encoderFields = {
  mobilefacenet: encoder,
  iresnet18: encoder,
  iresnet34: encoder,
  iresnet50: encoder,
  iresnet100: encoder,
};
export const optimizerFields = {
  sgd: optimizers.sgd.options,
  'adam-w': optimizers['adam-w'].options,
};
