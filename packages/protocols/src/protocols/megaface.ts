import { join } from 'node:path';
import { fileSource, noisyRows, readMegaFaceList, readMegaFaceNoises } from '@protomem/data';
import { megaFace } from '@protomem/evaluation';
import type { Embedder, Faces } from '../embed-faces.ts';
import { numbering } from '../list-faces.ts';
import { normalizeRows } from '../models/embedding-model.ts';
import type { MegaFaceOutcome } from '../outcome.ts';
import type { Protocol, ProtocolSettings } from '../protocol.ts';
import { tensorProduct } from '../tensor-product.ts';

export const megaface: Protocol = {
  title: 'MegaFace',
  about: 'probes among distractors, with and without noisy images',
  needs: ['images', 'list', 'distractors'],
  takes: ['distractorImages', 'noises', 'distractorNoises'],
  run: megaFaceRanks,
};

async function megaFaceRanks(embedder: Embedder, options: ProtocolSettings): Promise<MegaFaceOutcome> {
  const list = await readMegaFaceList(options.list!);
  const others = await readMegaFaceList(options.distractors!);
  const embed = async (folder: string, images: readonly string[]) => {
    const faces: Faces = { names: images, source: fileSource(images.map((image) => join(folder, image))) };
    const { values, width } = await embedder.embed(faces);
    return { features: normalizeRows(values, width), width };
  };
  const { features, width } = await embed(options.images!, list.images);
  const distractors = await embed(options.distractorImages ?? options.images!, others.images);
  const numbers = numbering();
  const people = list.people.map((name) => numbers.of(name));
  const [noises, otherNoises] = [options.noises, options.distractorNoises];
  const noisyProbes = noises ? noisyRows(list.images, await readMegaFaceNoises(noises)) : [];
  const noisyDistractors = otherNoises ? noisyRows(others.images, await readMegaFaceNoises(otherNoises)) : [];
  const ranks = [1, 10, 100].filter((rank) => rank <= others.images.length - noisyDistractors.length);
  const run = (noise: object) =>
    megaFace({ features, people }, distractors.features, width, { ranks, product: tensorProduct, ...noise });
  return {
    kind: 'megaface',
    raw: await run({}),
    ...(noises || otherNoises ? { clean: await run({ noisyProbes, noisyDistractors }) } : {}),
  };
}
