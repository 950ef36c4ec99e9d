import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { arcFaceTemplate, readPhoto, warpPhoto } from '@protomem/alignment';
import sharp from 'sharp';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { make } from './align.ts';

const align = (...args: string[]) => make().parseAsync(args, { from: 'user' });

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'protomem-align-'));
  vi.spyOn(console, 'log').mockImplementation(() => undefined);
});
afterEach(async () => {
  vi.restoreAllMocks();
  await rm(dir, { recursive: true });
});

describe('protomem align', () => {
  it('aligns photos by a file of landmarks, lists those without, and goes on where it stopped', async () => {
    const [photos, out] = [join(dir, 'photos'), join(dir, 'out')];
    await mkdir(join(photos, 'Ada'), { recursive: true });
    const photo = sharp({ create: { width: 112, height: 112, channels: 3, background: '#804020' } }).png();
    for (const name of ['1.png', '2.png']) await photo.clone().toFile(join(photos, 'Ada', name));
    const points = arcFaceTemplate().flat().join('\t');
    await writeFile(join(dir, 'landmarks.tsv'), `Ada/1.png\t${points}\n`);
    const args = [photos, out, '--landmarks', join(dir, 'landmarks.tsv'), '--format', 'png'];
    await align(...args);
    const aligned = await readPhoto(await readFile(join(out, 'Ada', '1.png')));
    const same = { a: 1, b: 0, tx: 0, ty: 0 };
    const expected = warpPhoto(await readPhoto(await photo.toBuffer()), same, { width: 112, height: 112 });
    expect(Buffer.from(aligned.pixels).equals(Buffer.from(expected.pixels))).toBe(true);
    expect(await readFile(join(out, 'left-out.tsv'), 'utf8')).toContain('Ada/2.png\tno-face');

    await expect(align(...args)).rejects.toThrow('resume');
    await align(...args, '--resume');
    expect(JSON.parse(await readFile(join(out, 'alignment.json'), 'utf8'))).toMatchObject({
      photos: 2,
      aligned: 1,
      noFace: 1,
      doneBefore: 2,
    });
  });

  it('refuses options that it does not have', async () => {
    await expect(align('photos', 'out', '--largest')).rejects.toThrow("'--largest'");
    await expect(align('photos', 'out', '--faces', 'biggest')).rejects.toThrow(
      'align: --faces is "biggest", expected one of largest, central',
    );
    await expect(align('photos', 'out', '--size', '3')).rejects.toThrow('align: --size is "3", expected an integer');
    await expect(align(dir, join(dir, 'out'), '--detector', join(dir, 'nope.ts'))).rejects.toThrow(
      /^align: --detector .*nope\.ts is "missing"/,
    );
  });
});
