export { type SyntheticFacesOptions, syntheticFaces } from './synthetic-faces.ts';
