import { createEncoder, saveEncoder } from '@protomem/encoders';
import { loadEngine } from '@protomem/engine';
import { memoryStorage, openGallery } from '@protomem/gallery';
import { openModel } from '@protomem/protocols';
import { serve } from '@protomem/serve';
import sharp from 'sharp';

await loadEngine();
// An encoder that has learnt nothing, and noise: your run and your photos stand here.
const encoder = createEncoder('mobile-face-net', { inputSize: 32, embeddingSize: 16, width: 0.125 });
await saveEncoder(encoder, 'served.safetensors');
const noise = { width: 112, height: 112, channels: 3 as const, background: '#888' };
const photo = await sharp({ create: { ...noise, noise: { type: 'gaussian', mean: 128, sigma: 30 } } })
  .jpeg()
  .toBuffer();

const model = await openModel('served.safetensors');
// `fileStorage` of @protomem/gallery/node keeps it in a file.
const gallery = await openGallery(memoryStorage(), { width: 16, model: { name: 'mine', fingerprint: 'a1' } });
// With `detect: await humanDetector()` of @protomem/alignment, photos are raw; without, they are aligned faces.
const server = await serve({ model, gallery, port: 0 });

const post = async (path: string) => {
  const headers = { 'content-type': 'image/jpeg' };
  const response = await fetch(new URL(path, server.url), { method: 'POST', headers, body: new Uint8Array(photo) });
  return response.json();
};
await post('people/Ada/images?name=1.jpg'); // 201: it is in the gallery's storage now
const { faces } = (await post('identify?top=1')) as { faces: { people: { person: string; score: number }[] }[] };
console.log(faces[0]!.people[0]!.person, faces[0]!.people[0]!.score > 0.99); // Ada true

await server.close();
await gallery.close();
await model.dispose();

export {};
