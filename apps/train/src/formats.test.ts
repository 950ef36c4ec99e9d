import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type DatasetFormatName, datasetFormats, openDataset, writeDataset } from '@protomem/data';
import { enginesAtHand } from '@protomem/engine/testing';
import { syntheticFaces } from '@protomem/synthetic';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const run = promisify(execFile);

/** Seconds of training on a data set; everything else as the recipe has it. */
async function train(path: string, out: string, engine: string): Promise<Buffer> {
  const data = JSON.stringify({ kind: 'dataset', path, minImages: 2 });
  const changes = [
    ...[
      `data=${data}`,
      `engine.prefer=${engine}`,
      'steps=3',
      'schedule.warmup=1',
      'evaluation.every=0',
      'baselines=[]',
    ],
    ...['encoder.width=0.125', 'encoder.inputSize=32', 'encoder.embeddingSize=16', 'head.size=24'],
    ...['sampler.classes=4', 'sampler.images=2', 'sampler.order.groupSize=12', 'loader.prefetch=2'],
    ...['evaluation.pairs.identities=12', 'evaluation.pairs.count=20'],
  ];
  const cli = join(import.meta.dirname, 'cli.ts');
  const command = ['--import', 'tsx', '--conditions=@protomem/source', cli, 'demo', '--out', out];
  await run(process.execPath, [...command, ...changes.flatMap((change) => ['--set', change])]);
  return readFile(join(out, 'encoder.safetensors'));
}

describe('training from every format that is written', () => {
  let dir: string;
  let engine: string;
  let expected: Buffer;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'protomem-formats-'));
    engine = (await enginesAtHand()).includes('node') ? 'node' : 'wasm';
    const faces = syntheticFaces({ identities: 24, imagesPerIdentity: 3, seed: 5, size: 32 });
    await writeDataset(faces, join(dir, 'folder'), { format: 'folder' });
    expected = await train(join(dir, 'folder'), join(dir, 'run-folder'), engine);
  });
  afterAll(() => rm(dir, { recursive: true }));

  const others = (Object.keys(datasetFormats) as DatasetFormatName[]).filter((format) => format !== 'folder');
  it.each(others)('gives the same weights from %s', async (format) => {
    const path = join(dir, format);
    await writeDataset(await openDataset(join(dir, 'folder')), path, { format });
    expect((await train(path, join(dir, `run-${format}`), engine)).equals(expected)).toBe(true);
  });
});
