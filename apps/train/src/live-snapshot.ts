import { type ImageBatch, type ImageSource, type LookAlike, pairKey } from '@protomem/core';
import type { DoppelgangerMiner } from '@protomem/mining';
import { closestLookAlikes, type HeadStep, summarizeMemory } from '@protomem/recipes';
import type { LiveFace, LivePair, LiveSnapshot } from '@protomem/report/live';

/** Faces of the batch, and pairs of a kind, that the page shows. */
const MOST_FACES = 48;
const MOST_PAIRS = 12;

/** Copies what the page shows of a step out of the run; nothing of the run is changed. */
export async function makeSnapshot({ head, step, batch, source, memory, miner }: HeadStep): Promise<LiveSnapshot> {
  const now = {
    head,
    step,
    side: batch.shape[1],
    faces: facesOf(source, batch),
    memory: memory && summarizeMemory(memory),
  };
  const lookAlikes = memory ? closestLookAlikes(memory) : [];
  const suspects = (miner?.suspects() ?? [])
    .slice(0, MOST_PAIRS)
    .map(({ a, b, cosine }) => ({ id: a, lookAlike: b, cosine }));
  const doppelgangers = miner ? doppelgangersIn(batch, miner) : [];
  return {
    ...now,
    doppelgangers: await pairsOf(source, doppelgangers),
    lookAlikes: await pairsOf(source, lookAlikes),
    suspects: await pairsOf(source, suspects),
  };
}

function facesOf(source: ImageSource, { shape, pixels, labels, names }: ImageBatch): LiveFace[] {
  const size = shape[1] * shape[2] * 3;
  return Array.from({ length: Math.min(MOST_FACES, shape[0]) }, (_, i) => ({
    identity: source.identityName(labels[i]!),
    name: names[i]!,
    pixels: pixels.slice(i * size, (i + 1) * size),
  }));
}

async function pairsOf(source: ImageSource, lookAlikes: readonly LookAlike[]): Promise<LivePair[]> {
  const pairs: LivePair[] = [];
  for (const { id, lookAlike, cosine } of lookAlikes) {
    const faces = [id, lookAlike].map((identity) => source.load(identity, 0).catch(() => undefined));
    const [first, second] = await Promise.all(faces);
    if (first && second) pairs.push({ first, second, score: cosine });
  }
  return pairs;
}

/** Each pair of the batch's identities once, the most alike first. */
function doppelgangersIn({ labels }: ImageBatch, { table }: DoppelgangerMiner): LookAlike[] {
  const ids = new Set(labels);
  const found = new Map<string, LookAlike>();
  for (const id of ids) {
    for (const { id: lookAlike, cosine } of table.doppelgangersOf(id)) {
      if (ids.has(lookAlike)) found.set(pairKey(id, lookAlike), { id, lookAlike, cosine });
    }
  }
  return [...found.values()].sort((a, b) => b.cosine - a.cosine).slice(0, MOST_PAIRS);
}
