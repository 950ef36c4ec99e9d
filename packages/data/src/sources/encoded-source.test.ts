import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { paintedPeople } from '../../fixtures/painted-people.ts';
import { decodeImage } from '../decode.ts';
import { encodedSource } from './encoded-source.ts';
import { selectIdentities } from './select-identities.ts';

const source = paintedPeople({ identities: 3, imagesPerIdentity: 2, seed: 0 });
const size = 20;

describe('encodedSource', () => {
  it('keeps every pixel as png, and the same bytes from any number of threads', async () => {
    const expected = await decodeImage((await source.load(2, 1)).bytes, { height: size, width: size });
    const files: Buffer[] = [];
    for (const workers of [0, 2]) {
      const encoded = encodedSource({ source, size, encoding: 'png', workers });
      const [, { bytes, name }] = await Promise.all([encoded.load(0, 0), encoded.load(2, 1)]);
      expect(await sharp(bytes).raw().toBuffer()).toEqual(Buffer.from(expected));
      expect(name).toBe((await source.load(2, 1)).name);
      expect([encoded.identities, encoded.imagesOf(2), encoded.identityName(2)]).toEqual([
        3,
        2,
        source.identityName(2),
      ]);
      files.push(Buffer.from(bytes));
      await encoded.close();
    }
    expect(files[1]).toEqual(files[0]);
  });

  it('draws where the source draws, through a selection too, and weighs jpg by its quality', async () => {
    const drawn: number[][] = [];
    const painter = {
      ...source,
      spec: undefined,
      draw: async (...[identity, image, height, width]: readonly [number, number, number, number]) => {
        drawn.push([identity, image, height, width]);
        return { name: 'drawn', pixels: Uint8Array.from({ length: 3 * height * width }, (_, i) => (i * 37) % 251) };
      },
    };
    const chosen = selectIdentities(painter, { exclude: ['person-0'] });
    const lengths: number[] = [];
    for (const quality of [30, 95]) {
      const { bytes, name } = await encodedSource({ source: chosen, size, quality, workers: 0 }).load(1, 0);
      expect(name).toBe('drawn');
      expect((await sharp(bytes).metadata()).format).toBe('jpeg');
      lengths.push(bytes.length);
    }
    expect(drawn).toEqual([
      [2, 0, size, size],
      [2, 0, size, size],
    ]);
    expect(lengths[0]).toBeLessThan(lengths[1]!);
  });

  it('names the image that cannot be read', async () => {
    const load = async () => ({ name: 'torn.png', bytes: new Uint8Array(3) });
    const encoded = encodedSource({ source: { ...source, spec: undefined, load }, size, workers: 0 });
    await expect(encoded.load(0, 0)).rejects.toThrow('torn.png');
  });
});
