import '../../not-faces.ts';
export {};
