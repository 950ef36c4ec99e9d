import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeDataset } from '@protomem/data';
import { syntheticFaces } from '@protomem/synthetic';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openData } from './compose.ts';
import { patchConfig } from './config.ts';
import { resolveRecipe } from './recipes/index.ts';
import { runRecipe } from './run-recipe.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'protomem-said-'));
});
afterEach(() => rm(dir, { recursive: true }));

it('a run says what its data pass over before it trains, and of engines in other words', async () => {
  const faces = join(dir, 'faces');
  await writeDataset(syntheticFaces({ identities: 4, imagesPerIdentity: 2, seed: 1, size: 24 }), faces, {
    format: 'folder',
  });
  await mkdir(join(faces, 'x'));
  for (const name of ['1.bmp', '2.jpg']) await writeFile(join(faces, 'x', name), 'x');
  const config = patchConfig(resolveRecipe('demo'), [
    `data=${JSON.stringify({ kind: 'dataset', path: faces })}`,
    ...['engine.prefer=cpu', 'steps=2', 'schedule.warmup=0', 'evaluation.every=0', 'baselines=[]', 'head.size=4'],
    ...['encoder.width=0.125', 'encoder.inputSize=16', 'encoder.embeddingSize=4', 'log.tensorboard=false'],
    ...['sampler.classes=2', 'sampler.images=2', 'evaluation.pairs.identities=4', 'evaluation.pairs.count=10'],
  ]);
  const said: string[] = [];
  const signal = AbortSignal.abort();
  await runRecipe(config, { out: join(dir, 'run'), signal, say: (line) => said.push(line) });
  const data = said.findIndex((line) => line.startsWith('data: 4 identities'));
  expect(said.slice(data + 1, data + 3)).toEqual([
    'passed over: files that end in .bmp: 1 (x/1.bmp)',
    'passed over: identities with fewer than 2 images: 1 (x)',
  ]);
  expect(said.findIndex((line) => line.startsWith('training: '))).toBeGreaterThan(data + 2);
  expect(said.filter((line) => line.startsWith('passed over: '))).toHaveLength(2);
});

it('a run opens a list with its root and columns', async () => {
  const rows = [0, 1].flatMap((who) => [0, 1].map((image) => `/old/person-${who}/${who}-${image}.svg,${who}`));
  for (const row of rows) {
    const path = join(dir, row.replace('/old/', 'new/').split(',')[0]!);
    await mkdir(join(path, '..'), { recursive: true });
    await writeFile(path, '<svg/>');
  }
  await writeFile(join(dir, 'list.csv'), `where,who\n${rows.join('\n')}\n`);
  const config = patchConfig(resolveRecipe('demo'), [
    `data=${JSON.stringify({ kind: 'dataset', path: join(dir, 'list.csv') })}`,
    `data.root=${join(dir, 'new')}`,
    ...['data.columns.path=where', 'data.columns.label=who'],
  ]);
  const source = await openData(config);
  expect(source.identities).toBe(2);
  expect(source.remarks?.[0]).toMatchObject({ kind: 'assumed', count: 4 });
});
