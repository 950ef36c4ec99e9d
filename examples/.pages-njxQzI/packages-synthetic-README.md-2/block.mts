import { classesByImages, createLoader } from '@protomem/data';
import { syntheticFaces } from '@protomem/synthetic';

const source = syntheticFaces({ identities: 1e9, imagesPerIdentity: 20, seed: 1, size: 64 });
const sampler = classesByImages({ source, classes: 32, images: 4 });
const loader = createLoader({ source, sampler, height: 64, width: 64 });
const { pixels } = await loader.next(); // Uint8Array [128, 64, 64, 3]
console.log(pixels.length);
await loader.close();

export {};
