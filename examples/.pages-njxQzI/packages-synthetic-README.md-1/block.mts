import { writeFile } from 'node:fs/promises';
import { syntheticFaces } from '@protomem/synthetic';

const train = syntheticFaces({ identities: 1e6, imagesPerIdentity: 20, seed: 1 });
const test = syntheticFaces({ identities: 1000, imagesPerIdentity: 4, seed: 1, firstIdentity: 1e6 }); // other people

const { bytes } = await train.load(123, 0); // SVG, a view of 112 x 112; sharp and browsers draw it at any size
await writeFile('face.svg', bytes);
console.log(test.identityName(0)); // person-1000000
const { pixels } = await train.draw!(123, 0, 48, 48); // the same picture as RGB, Uint8Array [48, 48, 3]

export {};
