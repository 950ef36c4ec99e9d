// One contender of the suite `gallery`: a gallery of simulated people of one width, in a process of its own.
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Random } from '@protomem/core';
import { neighborRecall } from '@protomem/evaluation';
import { type Gallery, openGallery } from '@protomem/gallery';
import { fileStorage } from '@protomem/gallery/node';

const [width, people, durable, queries] = process.argv.slice(2).map(Number) as [number, number, number, number];
const BULK = 1000;
const TOP = 10;
const model = { name: 'simulated', fingerprint: 'simulated' };
const random = new Random(1, width);

/** Faces of a person stray from a direction of their own: cosines of one person's are about 0.6. */
const centre = (): Float32Array => Float32Array.from({ length: width }, () => random.normal());
const face = (of: Float32Array): Float32Array => of.map((value) => value + 0.8 * random.normal());

const dir = await mkdtemp(join(tmpdir(), 'protomem-gallery-'));
const path = join(dir, 'people.gallery');
const quantile = (values: readonly number[], q: number): number =>
  values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(q * values.length))]!;
const since = (begun: number): number => performance.now() - begun;
const enrolment = (person: number, embedding: Float32Array) => ({
  person: `person ${person}`,
  images: [{ embedding }],
});

try {
  const figures: Record<string, number> = {};
  const centres: Float32Array[] = [];
  let gallery = await openGallery(await fileStorage(path), { width, model });
  // One by one, each on the disk before the next.
  const one: number[] = [];
  for (let i = 0; i < durable; i++) {
    centres.push(centre());
    const embedding = face(centres[i]!);
    const begun = performance.now();
    await gallery.enrol([enrolment(i, embedding)]);
    one.push(since(begun));
  }
  figures['enrol one, median ms'] = quantile(one, 0.5);
  figures['enrol one, p99 ms'] = quantile(one, 0.99);
  figures['enrolled one by one, a second'] = (1000 * durable) / one.reduce((sum, ms) => sum + ms, 0);
  let bulk = 0;
  for (let at = durable; at < people; at += BULK) {
    const some = Array.from({ length: Math.min(BULK, people - at) }, (_, i) => {
      // The centres of those who are asked for are kept; the others' would take as much memory as the gallery.
      const own = centre();
      return enrolment(at + i, face(own));
    });
    const begun = performance.now();
    await gallery.enrol(some);
    bulk += since(begun);
  }
  figures['enrolled in bulk, a second'] = (1000 * (people - durable)) / bulk;
  await gallery.close();
  figures['MiB on disk'] = (await stat(path)).size / 2 ** 20;

  const collected = () => {
    (globalThis as { gc?: () => void }).gc?.();
    const { heapUsed, arrayBuffers, rss } = process.memoryUsage();
    return { own: (heapUsed + arrayBuffers) / 2 ** 20, resident: rss / 2 ** 20 };
  };
  // What is closed is not to be counted.
  gallery = undefined as never;
  const before = collected().own;
  const opening = performance.now();
  gallery = await openGallery(await fileStorage(path, { readOnly: true }), { width, model });
  figures['open, ms'] = since(opening);
  figures['MiB in memory'] = collected().own - before;
  figures['MiB of vectors'] = gallery.vectorBytes / 2 ** 20;

  const asked = Array.from({ length: queries }, (_, i) => face(centres[i % durable]!));
  const search = async (one: Gallery, how: string): Promise<string[][]> => {
    const times: number[] = [];
    const found: string[][] = [];
    for (const query of asked) {
      const begun = performance.now();
      const { results } = await one.identify(query, { top: TOP });
      times.push(since(begun));
      found.push(results[0]!.map(({ person }) => person));
    }
    figures[`${how}, median ms`] = quantile(times, 0.5);
    figures[`${how}, p99 ms`] = quantile(times, 0.99);
    return found;
  };
  const exact = await search(gallery, 'exact');
  const graph = await openGallery(await fileStorage(path, { readOnly: true }), { width, model, approximateFrom: 1 });
  await gallery.close();
  const making = performance.now();
  const beforeGraph = collected().resident;
  await graph.identify(asked[0]!);
  figures['make the graph, s'] = since(making) / 1000;
  figures['MiB of the graph'] = collected().resident - beforeGraph;
  const approximate = await search(graph, 'usearch');
  const rows = (found: readonly string[][]): number[] => found.flat().map((person) => Number(person.split(' ')[1]));
  figures['recall at 10'] = neighborRecall(rows(approximate), rows(exact), TOP);
  figures['recall at 1'] = neighborRecall(
    rows(approximate.map((some) => some.slice(0, 1))),
    rows(exact.map((some) => some.slice(0, 1))),
    1,
  );
  await graph.close();
  console.log(JSON.stringify(figures));
} finally {
  await rm(dir, { recursive: true, force: true });
}
