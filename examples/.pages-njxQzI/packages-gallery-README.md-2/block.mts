import { createEncoder, saveEncoder } from '@protomem/encoders';
import { loadEngine } from '@protomem/engine';
import { memoryStorage, openGallery } from '@protomem/gallery';
import { embedFaces, enrolImages, findFaces, openPeople } from '@protomem/gallery/node';
import { openModel } from '@protomem/protocols';
import { writeDataset } from '@protomem/data';
import { syntheticFaces } from '@protomem/synthetic';

await loadEngine();
// An encoder that has learnt nothing, and drawn people: your run and your photos stand here.
await saveEncoder(
  createEncoder('mobile-face-net', { inputSize: 32, embeddingSize: 16, width: 0.125 }),
  'encoder.safetensors',
);
const drawn = syntheticFaces({ identities: 4, imagesPerIdentity: 2, seed: 1, size: 112 });
await writeDataset(drawn, 'staff', { format: 'folder' });

const model = await openModel('encoder.safetensors');
const gallery = await openGallery(memoryStorage(), {
  width: model.embeddingSize,
  model: { name: 'mine', fingerprint: model.fingerprint },
});
// With `detect: await humanDetector()` of @protomem/alignment, photos are raw; without, they are aligned faces.
const { added, people, leftOut } = await enrolImages(gallery, model, await openPeople('staff'), { minSharpness: 0 });
console.log(added, people, leftOut); // 8 4 []
const { faces } = await findFaces(model, (await drawn.load(2, 0)).bytes, { minSharpness: 0 });
const { embeddings } = await embedFaces(model, faces);
const { results } = await gallery.identify(embeddings, { template: 'best', top: 1 });
console.log(results[0]![0]!.score > 0.99); // true
await model.dispose();

export {};
