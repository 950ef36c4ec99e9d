import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDataset, writeDataset } from '@protomem/data';
import { createEncoder, saveEncoder } from '@protomem/encoders';
import { syntheticFaces } from '@protomem/synthetic';
import { afterEach, expect, it, vi } from 'vitest';
import { identify } from './commands/identify.ts';

let dir: string;
afterEach(async () => {
  vi.restoreAllMocks();
  process.exitCode = undefined;
  await rm(dir, { recursive: true });
});

it.each([false, true])('goes on behind a photo that cannot be read, and says so (json: %s)', async (json) => {
  dir = await mkdtemp(join(tmpdir(), 'protomem-identify-'));
  const people = join(dir, 'people');
  await writeDataset(syntheticFaces({ identities: 2, imagesPerIdentity: 2, seed: 5, size: 32 }), people, {
    format: 'folder',
  });
  const model = join(dir, 'encoder.safetensors');
  await saveEncoder(createEncoder('mobile-face-net', { inputSize: 32, embeddingSize: 8, width: 0.25 }), model);
  const [first] = (await openDataset(people)).identityName(0).split('/');
  const photos = join(people, first!);
  await writeFile(join(photos, (await readdir(photos)).sort()[0]!), 'no image');
  const printed: string[] = [];
  vi.spyOn(console, 'log').mockImplementation((line: string) => printed.push(String(line)));
  vi.spyOn(console, 'error').mockImplementation(() => undefined);
  await identify([photos], { model, gallery: people, aligned: true, json, top: 1, calibration: undefined });
  expect(printed[0]).toMatch(json ? /^\{"error":".*unreadable/ : /^not looked at: .*/);
  expect(printed[1]).toMatch(json ? /"people":\[\{"person":/ : /\.(png|jpg)$/);
  expect(process.exitCode).toBe(1);
});
