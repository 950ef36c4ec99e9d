import '../../train-parts.ts';
export {};
