// What the sources of this package are opened with in a thread. A module of its own, because it is found by its name.

export { sourceOfIndex } from '../formats/folder/folder-index.ts';
export { sourceOfList } from '../formats/list/list-index.ts';
export { packedSource } from '../formats/packed-source.ts';
export { fileSource } from './file-source.ts';
export { openSelection } from './open-selection.ts';
