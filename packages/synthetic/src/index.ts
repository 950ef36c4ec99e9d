export type { SyntheticFacesOptions } from './drawn-faces.ts';
export { syntheticFaces } from './synthetic-faces.ts';
