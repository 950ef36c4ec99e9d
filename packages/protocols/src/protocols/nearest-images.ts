import type { ImageSource } from '@protomem/core';
import { openDataset } from '@protomem/data';
import { retrieval as retrieve } from '@protomem/evaluation';
import type { Embedder } from '../embed-faces.ts';
import { normalizeRows } from '../models/embedding-model.ts';
import type { RetrievalOutcome } from '../outcome.ts';
import type { Protocol, ProtocolSettings } from '../protocol.ts';
import { tensorProduct } from '../tensor-product.ts';

export const retrieval: Protocol = {
  title: 'Retrieval',
  about: 'nearest images of a data set of any format: recall@k, MAP@R',
  needs: ['images'],
  run: datasetRetrieval,
};

async function datasetRetrieval(embedder: Embedder, { images }: ProtocolSettings): Promise<RetrievalOutcome> {
  const source = await openDataset(images!);
  const places: { readonly identity: number; readonly image: number }[] = [];
  for (let identity = 0; identity < source.identities; identity++) {
    for (let image = 0; image < source.imagesOf(identity); image++) places.push({ identity, image });
  }
  const each: ImageSource = {
    name: source.name,
    identities: places.length,
    imagesOf: () => 1,
    identityName: (i) => source.identityName(places[i]!.identity),
    load: (i) => source.load(places[i]!.identity, places[i]!.image),
  };
  const names: string[] = [];
  // Only the source itself knows what its images are called, and only when it loads them.
  if (embedder.byName) for (const { identity, image } of places) names.push((await source.load(identity, image)).name);
  const { values, width } = await embedder.embed({ names, source: each });
  const people = places.map(({ identity }) => identity);
  const queries = { features: normalizeRows(values, width), people };
  return {
    kind: 'retrieval',
    result: await retrieve(queries, width, undefined, { ks: [1, 5, 10, 20], product: tensorProduct }),
  };
}
