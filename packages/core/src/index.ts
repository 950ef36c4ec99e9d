export * from './errors.ts';
export * from './files.ts';
export * from './images.ts';
export * from './mining.ts';
export * from './random.ts';
export * from './registry.ts';
export * from './safetensors.ts';
export * from './state.ts';
