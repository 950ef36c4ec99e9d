import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createEncoder, saveEncoder } from '@protomem/encoders';
import { loadEngine } from '@protomem/engine';
import { openGallery } from '@protomem/gallery';
import { fileStorage } from '@protomem/gallery/node';
import { syntheticFaces } from '@protomem/synthetic';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run, start } from '../../fixtures/command.ts';

let folder: string;
let args: string[];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'protomem-serve-'));
  const [model, gallery] = [join(folder, 'encoder.safetensors'), join(folder, 'people.gallery')];
  await loadEngine();
  const encoder = createEncoder('mobile-face-net', { inputSize: 32, embeddingSize: 16, width: 0.125 });
  await saveEncoder(encoder, model);
  args = ['serve', '--model', model, '--gallery', gallery, '--aligned', '--port', '0', '--any-quality'];
});
afterAll(() => rm(folder, { recursive: true }));

/** Starts the command, and waits until it serves. */
async function serving() {
  const { child, ended } = start(args);
  let text = '';
  for await (const data of child.stdout!.iterator({ destroyOnReturn: false })) {
    text += data;
    const url = /serving at (\S+)/.exec(text)?.[1];
    if (url) return { child, ended, url };
  }
  throw new Error(text);
}

describe.skipIf(process.platform === 'win32')('protomem serve', () => {
  it('loses nobody who was acknowledged to kill -9, and ends in order by SIGTERM', { timeout: 120_000 }, async () => {
    const faces = syntheticFaces({ identities: 40, imagesPerIdentity: 1, seed: 1 });
    const photos = await Promise.all(
      Array.from({ length: 40 }, async (_, i) =>
        sharp((await faces.load(i, 0)).bytes)
          .jpeg()
          .toBuffer(),
      ),
    );
    const headers = { 'content-type': 'image/jpeg' };
    const killed = await serving();
    const acknowledged: string[] = [];
    // Killed while others are under way.
    await Promise.allSettled(
      photos.map(async (photo, i) => {
        const body = new Uint8Array(photo);
        const { status } = await fetch(`${killed.url}people/p${i}/images`, { method: 'POST', headers, body });
        expect(status).toBe(201);
        acknowledged.push(`p${i}`);
        if (acknowledged.length === 10) killed.child.kill('SIGKILL');
      }),
    );
    await killed.ended;
    expect(acknowledged.length).toBeGreaterThanOrEqual(10);
    const left = await openGallery(await fileStorage(args[4]!, { readOnly: true }));
    expect(left.list().map(({ person }) => person)).toEqual(expect.arrayContaining(acknowledged));
    await left.close();

    const again = await serving();
    const found = await fetch(`${again.url}identify?top=1`, {
      method: 'POST',
      headers,
      body: new Uint8Array(photos[Number(acknowledged[0]!.slice(1))]!),
    });
    expect(await found.json()).toMatchObject({ faces: [{ people: [{ person: acknowledged[0] }] }] });
    again.child.kill('SIGTERM');
    const { code, text } = await again.ended;
    expect([code, text]).toEqual([143, expect.stringContaining('every request is answered; the gallery is closed')]);
  });

  it('refuses an address for all without a token', async () => {
    const { code, text } = await run(...args, '--host', '0.0.0.0');
    expect([code, text]).toEqual([1, expect.stringContaining('for anybody may reach 0.0.0.0')]);
    expect(text).not.toContain('    at ');
  });
});
