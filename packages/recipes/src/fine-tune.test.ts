import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeDataset } from '@protomem/data';
import { createEncoder, loadEncoder, saveEncoder } from '@protomem/encoders';
import { useEngine } from '@protomem/engine/testing';
import { syntheticFaces } from '@protomem/synthetic';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { patchConfig } from './config.ts';
import { startFrom } from './encoder-of.ts';
import { facesOfPairs } from './faces-of-pairs.ts';
import { findKnown } from './known.ts';
import { knownPeople, trainedImages } from './other-images.ts';
import { outcome } from './outcome.ts';
import { resolveRecipe } from './recipes/index.ts';
import { readRunMetrics } from './results.ts';
import { runFolder } from './run-folder.ts';
import { runRecipe } from './run-recipe.ts';

let dir: string;
let data: string;
let init: string;
beforeAll(async () => {
  await useEngine('cpu');
  dir = await mkdtemp(join(tmpdir(), 'protomem-fine-tune-'));
  [data, init] = [join(dir, 'faces'), join(dir, 'start.safetensors')];
  const source = syntheticFaces({ identities: 4, imagesPerIdentity: 7, seed: 1, size: 24 });
  await writeDataset(source, data, { format: 'folder' });
  const encoder = createEncoder('mobile-face-net', { inputSize: 16, width: 0.125, embeddingSize: 6, seed: 3 });
  await saveEncoder(encoder, init);
  encoder.dispose();
});
afterAll(() => rm(dir, { recursive: true }));

const pairs = { kind: 'other-images', trained: null, people: 3, count: 10 } as const;

describe('other images of the people trained on', () => {
  const source = syntheticFaces({ identities: 5, imagesPerIdentity: 7, seed: 2, size: 24 });
  const namesOf = async (of: typeof source, identity: number): Promise<string[]> =>
    Promise.all(
      Array.from({ length: of.imagesOf(identity) }, async (_, image) => (await of.load(identity, image)).name),
    );

  it('are those that are not trained on, of the same people', async () => {
    const trained = trainedImages(source, pairs);
    const { references, tested, unreadable } = await knownPeople(source, pairs);
    expect([trained.imagesOf(0), tested.identities, unreadable]).toEqual([4, 3, 0]);
    for (let identity = 0; identity < 3; identity++) {
      const own = Array.from({ length: 5 }, (_, i) => i).find(
        (i) => source.identityName(i) === tested.identityName(identity),
      )!;
      expect(await namesOf(references, identity)).toEqual(await namesOf(trained, own));
      const both = [...(await namesOf(references, identity)), ...(await namesOf(tested, identity))];
      expect(both.sort()).toEqual((await namesOf(source, own)).sort());
    }
  });

  it('are as many as asked for, and nobody is tested who has none', async () => {
    expect(trainedImages(source, { ...pairs, trained: 5 }).imagesOf(3)).toBe(5);
    await expect(knownPeople(source, { ...pairs, trained: 7 })).rejects.toThrow(/is 0, expected at least 2.*trained=N/);
  });

  it('stand beside the images that people are known by, each once', async () => {
    const { references, tested } = await knownPeople(source, pairs);
    const drawn = [
      { a: [0, 0], b: [0, 2], same: true },
      { a: [0, 2], b: [2, 1], same: false },
    ] as const;
    const { faces, pairs: rows, known } = facesOfPairs(drawn, tested, references);
    expect([...rows]).toEqual([0, 1, 1, 2]);
    expect(faces.names).toHaveLength(3 * 7);
    expect((await faces.source.load(1, 0)).name).toBe((await tested.load(0, 2)).name);
    expect([...known!.reference].filter(Boolean)).toHaveLength(3 * 4);
    expect([...known!.people.slice(0, 3)]).toEqual([0, 0, 2]);
  });
});

describe('findKnown', () => {
  // Two people on the axes, known by two images each; the third image of the first looks like the second.
  const embeddings = Float32Array.of(1, 0.1, 2, -0.1, 0, 1, 0.1, 1, 3, 0, 0.2, 1, 0, 5);
  const known = { people: Int32Array.of(0, 0, 1, 1, 0, 0, 1), reference: Uint8Array.of(1, 1, 1, 1, 0, 0, 0) };

  it('counts images that are nearest to their own mean', async () => {
    const found = await findKnown(embeddings, 2, known);
    expect(found).toMatchObject({ people: 2, images: 3, found: 2, thresholds: [] });
    expect(found.tooLittle).toBe(
      '2 people make 1 pairs of strangers: a threshold for FAR 0.01 takes 100, of 15 people',
    );
  });

  it.each([
    [[], [0.01], 'a threshold for FAR 0.001 takes 1,000'],
    // Two who look the same: drawn twice, their pairs are more than the rate allows, and none is above them.
    [[0], [], 'too few, or too much alike, to bound a threshold for FAR 0.01'],
  ])('gives thresholds that strangers bound: of 20 people, 19 looks like %j', async (same, rates, reason) => {
    const looks = Array.from({ length: 20 }, (_, i) => (i === 19 ? (same[0] ?? i) : i));
    // Of each person one image that it is known by, and two that are the same.
    const people = Int32Array.from({ length: 60 }, (_, row) => Math.floor(row / 3));
    const embeddings = Float32Array.from({ length: 60 * 20 }, (_, i) =>
      Number(looks[people[Math.floor(i / 20)]!] === i % 20),
    );
    const found = await findKnown(embeddings, 20, {
      people,
      reference: Uint8Array.from(people, (_, row) => Number(row % 3 === 0)),
    });
    expect(found.thresholds.map(({ far }) => far)).toEqual(rates);
    for (const { interval } of found.thresholds) expect(interval).toEqual([1, 1]);
    expect(found.tooLittle).toContain(reason);
  });
});

it('an encoder goes on, frozen in part, and says what it could do before and can do now', async () => {
  const draft = patchConfig(resolveRecipe('fine-tune', { data, init }), [
    'encoder.firstLayerRate=0.1',
    ...(await startFrom(init)),
    ...['engine.prefer=cpu', 'steps=4', 'schedule.warmup=1', 'log.tensorboard=false', 'loader.workers=0'],
    ...['encoder.freeze=["conv1"]', 'sampler.classes=4', 'sampler.images=2', 'evaluation.pairs.count=10'],
  ]);
  expect(draft.encoder).toMatchObject({ name: 'mobile-face-net', inputSize: 16, embeddingSize: 6, width: 0.125, init });
  // What else is said of it stays.
  expect(draft.encoder).toMatchObject({ firstLayerRate: 0.1 });
  const said: string[] = [];
  const out = join(dir, 'run');
  const finished = await runRecipe(draft, { out, say: (line) => said.push(line) });
  const { result } = finished!.results[0]!;
  expect(said).toContain(
    'everybody is trained on, with some images; tested on others of the same people: strangers are not',
  );
  expect(result.known).toMatchObject({ people: 4, images: 12 });
  expect(result.before?.known).toMatchObject({ people: 4, images: 12 });
  expect(outcome(result)[1]).toMatch(/^before: \d+ of 12 images of 4 people are nearest/);
  expect(said).toEqual(expect.arrayContaining(outcome(result)));
  const { metrics } = runFolder(out);
  expect(readRunMetrics(JSON.parse(await readFile(metrics, 'utf8')), metrics).heads[0]!.known).toEqual(result.known);
  const [start, end] = [await loadEncoder(init), await loadEncoder(runFolder(out).encoder)];
  const same = start.parameters.filter(
    ({ variable }, i) => variable.dataSync().join() === end.parameters[i]!.variable.dataSync().join(),
  );
  expect(same.map(({ name }) => name)).toEqual(
    start.parameters.filter(({ name }) => name.startsWith('conv1.')).map(({ name }) => name),
  );
  for (const encoder of [start, end]) encoder.dispose();
  // A run's own encoder is the next one's start.
  expect(await startFrom(out)).toContain(`encoder.init=${JSON.stringify(out)}`);
});

it('refuses what it cannot start from', async () => {
  expect(() => resolveRecipe('fine-tune', { data })).toThrow('--init is "missing"');
  await expect(startFrom(join(dir, 'nothing'))).rejects.toThrow('the file is "missing", expected a safetensors file');
});
