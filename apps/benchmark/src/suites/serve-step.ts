// The server of the suite `serve`, in a process of its own: `bare` answers with the encoder's images a second, `rss` with bytes.
import { createInterface } from 'node:readline';
import { Random } from '@protomem/core';
import { memoryStorage, openGallery } from '@protomem/gallery';
import { openModel } from '@protomem/protocols';
import { serve } from '@protomem/serve';

const [file, batchText] = process.argv.slice(2);
const batch = Number(batchText);
const model = await openModel(file!);
const { embeddingSize: width, inputSize } = model;
const gallery = await openGallery(memoryStorage(), { width, model: { name: 'bench', fingerprint: 'bench' } });
const random = new Random(1);
const vector = (): Float32Array => Float32Array.from({ length: width }, () => random.normal(0, 1));
await gallery.enrol(Array.from({ length: 1000 }, (_, i) => ({ person: `${i}`, images: [{ embedding: vector() }] })));
const server = await serve({ model, gallery, batch, port: 0, minSharpness: 0, queue: 1024 });
console.log(server.url);

const pixels = Uint8Array.from({ length: batch * inputSize[0] * inputSize[1] * 3 }, () => random.below(256));
async function bare(): Promise<number> {
  const calls = Math.ceil(256 / batch);
  const start = performance.now();
  for (let i = 0; i < calls; i++) await model.embed(pixels, batch, true);
  return (1000 * calls * batch) / (performance.now() - start);
}
for await (const line of createInterface({ input: process.stdin })) {
  console.log(line === 'bare' ? await bare() : process.memoryUsage.rss());
}
await server.close();
