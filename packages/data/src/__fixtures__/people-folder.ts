import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Random } from '@protomem/core';
import sharp from 'sharp';

/** A random RGB image, reproducible. */
export function noise(height: number, width: number, ...seed: readonly number[]): Uint8Array {
  const random = new Random(...seed);
  return Uint8Array.from({ length: height * width * 3 }, () => random.below(256));
}

/** Bytes of an image file with these pixels. */
export function encode(pixels: Uint8Array, height: number, width: number, format: 'png' | 'jpeg'): Promise<Buffer> {
  return sharp(pixels, { raw: { width, height, channels: 3 } })
    .toFormat(format)
    .toBuffer();
}

/** An empty folder that `remove` takes away. */
export async function temporaryFolder(): Promise<{ readonly dir: string; readonly remove: () => Promise<void> }> {
  const dir = await mkdtemp(join(tmpdir(), 'protomem-data-'));
  return { dir, remove: () => rm(dir, { recursive: true, force: true }) };
}

/** Writes `id<i>/<j>.png` for each identity's number of images, 12 x 10 pixels of noise. */
export async function writePeople(dir: string, counts: readonly number[]): Promise<void> {
  for (const [identity, count] of counts.entries()) {
    await mkdir(join(dir, `id${identity}`), { recursive: true });
    for (let image = 0; image < count; image++) {
      const bytes = await encode(noise(12, 10, identity, image), 12, 10, 'png');
      await writeFile(join(dir, `id${identity}`, `${image}.png`), bytes);
    }
  }
}
