export * from './arc-face.ts';
export * from './cos-face.ts';
export * from './losses.ts';
export * from './margin-loss.ts';
export * from './normalized-softmax.ts';
export { softmaxLoss } from './softmax-loss.ts';
