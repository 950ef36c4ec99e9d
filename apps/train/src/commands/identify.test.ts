import { cp, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { selectIdentities, writeDataset } from '@protomem/data';
import { createEncoder, saveEncoder } from '@protomem/encoders';
import { loadEngine } from '@protomem/engine';
import { verificationReport } from '@protomem/evaluation';
import { syntheticFaces } from '@protomem/synthetic';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { identify } from './identify.ts';

let dir: string;
let gallery: string;
let photo: string;
let stranger: string;
let printed: string[] = [];

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'protomem-identify-'));
  vi.spyOn(console, 'log').mockImplementation((line: string) => printed.push(line));
  gallery = join(dir, 'gallery');
  const drawn = syntheticFaces({ identities: 5, imagesPerIdentity: 1, seed: 4, size: 16 });
  await writeDataset(selectIdentities(drawn, { exclude: ['person-4'] }), gallery, { format: 'folder' });
  stranger = join(dir, 'stranger.svg');
  await writeFile(stranger, (await drawn.load(4, 0)).bytes);
  photo = join(gallery, 'person-2', (await readdir(join(gallery, 'person-2')))[0]!);
  await loadEngine({});
});
beforeEach(() => {
  printed = [];
});
afterAll(async () => {
  vi.restoreAllMocks();
  await rm(dir, { recursive: true });
});

/** A run whose test had pairs of one person at `same` and of strangers at `different`, mostly. */
async function run(name: string, same: number, different: number): Promise<string> {
  const out = join(dir, name);
  await mkdir(out);
  const encoder = createEncoder('mobile-face-net', { inputSize: 16, width: 0.125, embeddingSize: 8, seed: 2 });
  await saveEncoder(encoder, join(out, 'encoder.safetensors'));
  encoder.dispose();
  const labels = Array.from({ length: 400 }, (_, i) => i % 2);
  const scores = labels.map((label, i) => (label ? same : different) - i / 1e9);
  const heads = [{ verification: verificationReport(scores, labels) }];
  await writeFile(join(out, 'metrics.json'), JSON.stringify({ heads }));
  return out;
}

describe('identify', () => {
  it('lists people by cosine, and calls the same what the run says is', async () => {
    await identify(photo, await run('strict', 0.99999, 0.9999), { gallery, far: 0.01, top: 3 });
    const lines = printed.slice(0, 3).map((line) => line.split(/ {2,}/));
    expect(lines[0]!.at(-1)).toBe('person-2');
    expect(printed[0]).toMatch(/^same\s+1\.000\s+person-2$/);
    const cosines = lines.map((fields) => Number(fields.at(-2)));
    expect([...cosines].sort((a, b) => b - a)).toEqual(cosines);
    for (const line of printed.slice(1, 3)) expect(line).not.toMatch(/^same/);
    expect(printed.at(-1)).toMatch(
      /"same" from 1\.000.*of 200 pairs of strangers[\s\S]*these 4 people[\s\S]*"different" below/,
    );
  });

  it('is not sure between the two thresholds, and never calls different what is called the same', async () => {
    // In this run's test strangers score above everything: nothing can be the same, and hardly anything is different.
    await identify(stranger, await run('useless', -0.9, 1), { gallery, far: 0.01, top: 4 });
    for (const line of printed.slice(0, 4)) expect(line).toMatch(/^(not sure|different)/);
    expect(printed[0]).toMatch(/^not sure/);
  });

  it('takes a gallery of one person', async () => {
    const alone = join(dir, 'alone');
    await cp(join(gallery, 'person-2'), join(alone, 'person-2'), { recursive: true });
    await identify(photo, await run('alone-run', 0.99999, 0.9999), { gallery: alone, far: 0.01, top: 3 });
    expect(printed[0]).toMatch(/^same\s+1\.000\s+person-2$/);
  });

  it('refuses rates that the test cannot tell, and names what is missing', async () => {
    const out = await run('small', 0.9, 0.1);
    await expect(identify(photo, out, { gallery, far: 1e-4, top: 1 })).rejects.toThrow(
      '--far is 0.0001, expected one of 0.1,0.01',
    );
    await expect(identify(photo, out, { gallery, far: 0.01, top: 0 })).rejects.toThrow('--top is 0');
    await expect(identify(photo, dir, { gallery, far: 0.01, top: 1 })).rejects.toThrow('metrics.json');
    await expect(identify(join(dir, 'x.jpg'), out, { gallery, far: 0.01, top: 1 })).rejects.toThrow('x.jpg');
  });
});
