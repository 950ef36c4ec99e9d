import '../../own-loop.ts';
export {};
