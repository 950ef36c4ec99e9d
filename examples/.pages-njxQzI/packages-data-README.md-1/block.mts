import {
  classesByImages,
  createAugmentation,
  createLoader,
  openDataset,
  selectIdentities,
  writeDataset,
} from '@protomem/data';
import { syntheticFaces } from '@protomem/synthetic';

// Yours is a folder faces/<identity>/<image>.jpg, or another format below; here one is made of drawn faces.
await writeDataset(syntheticFaces({ identities: 100, imagesPerIdentity: 6, seed: 1 }), 'faces', { format: 'recordio' });

const source = selectIdentities(await openDataset('faces'), { minImages: 2 });
const sampler = classesByImages({ source, classes: 32, images: 4, seed: 1 });
const loader = createLoader({
  source,
  sampler,
  height: 112,
  width: 112,
  augmentation: createAugmentation({ shift: 0.06, brightness: 0.2, contrast: 0.2 }),
  onSkip: ({ name, reason }) => console.warn(`${name} left out: ${reason}`),
});

const { pixels, labels } = await loader.next(); // Uint8Array [128, 112, 112, 3] RGB, Float64Array [128]
const state = await loader.state(); // small plain data; `restore` goes on exactly here
console.log(pixels.length, labels.length, state.values);
await loader.close();

export {};
