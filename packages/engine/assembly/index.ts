// Loops that train on the wasm backend's heap, in AssemblyScript: `npx tsx scripts/assembly/build.ts` compiles them. All
// numbers are float32; pointers, and what is called a step, are in bytes. Where a loop takes a range of its work, `first` up to
// `last`, threads share it.
export {
  convolutionFilterGradient,
  convolutionFilterGradientScratch,
  convolve,
  convolveScratch,
} from './convolutions';
export * from './depthwise';
export * from './norms';
export * from './optimizer';
export * from './products';
export * from './winograd';
