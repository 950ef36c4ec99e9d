import '../../npy.ts';
export {};
