import '../../own-encoder.ts';
export {};
