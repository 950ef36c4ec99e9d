import { createHash } from 'node:crypto';
import { type ImageSource, ProtomemError } from '@protomem/core';
import fc from 'fast-check';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import type { SyntheticFacesOptions } from './drawn-faces.ts';
import { syntheticFaces } from './synthetic-faces.ts';

const OPTIONS = { identities: 1000, imagesPerIdentity: 100, seed: 7 };

async function svg(options: SyntheticFacesOptions, identity: number, image: number): Promise<string> {
  return new TextDecoder().decode((await syntheticFaces(options).load(identity, image)).bytes);
}

/** Numbers of coordinates, sizes and path data. */
function numbers(text: string): number[] {
  const attributes = text.matchAll(/\b(?:d|[xy]\d?|c[xy]|r[xy]?|width|height|stroke-width)="([^"]*)"/g);
  return [...attributes].flatMap(([, value]) => value!.match(/-?[\d.]+/g) ?? []).map(Number);
}

describe('syntheticFaces', () => {
  it('draws the same text everywhere', async () => {
    // These hashes may change only when faces are meant to change: take them from the failure's "received", and say in
    // the changeset that results on synthetic faces before and after cannot be compared.
    const hashes = await Promise.all(
      [
        [0, 0],
        [0, 1],
        [1, 0],
        [999, 99],
      ].map(async ([identity, image]) =>
        createHash('sha256')
          .update(await svg(OPTIONS, identity!, image!))
          .digest('hex')
          .slice(0, 16),
      ),
    );
    expect(hashes).toEqual(['1fdac5d92e0def0f', 'ea89f1fe30623326', '6ef9773e561e493b', '6d4c59f48298bb9c']);
  });

  it('depends on seed, identity and image, and on nothing before', async () => {
    const source = syntheticFaces(OPTIONS);
    const [first] = [await source.load(3, 4), await source.load(9, 1)];
    const again = await source.load(3, 4);
    expect(again).toEqual(first);
    const texts = await Promise.all([
      svg(OPTIONS, 3, 4),
      svg(OPTIONS, 3, 5),
      svg(OPTIONS, 4, 4),
      svg({ ...OPTIONS, seed: 8 }, 3, 4),
      svg({ ...OPTIONS, variation: 0.5 }, 3, 4),
    ]);
    expect(new Set(texts).size).toBe(texts.length);
  });

  it('shifts identities by firstIdentity', async () => {
    const shifted = { ...OPTIONS, identities: 10, firstIdentity: 500 };
    expect(await svg(shifted, 2, 1)).toBe(await svg(OPTIONS, 502, 1));
    expect(syntheticFaces(shifted).identityName(2)).toBe('person-502');
    expect((await syntheticFaces(shifted).load(2, 1)).name).toBe('synthetic#person-502/1');
  });

  it('serves identities up to 2^53 without tables', async () => {
    const last = 2 ** 53 - 2;
    const source = syntheticFaces({ identities: 2 ** 53 - 1, imagesPerIdentity: 2 ** 40, seed: 1 });
    const texts = await Promise.all([
      source.load(2 ** 52, 0),
      source.load(2 ** 52 + 1, 0),
      source.load(2 ** 52, 2 ** 40 - 1),
      source.load(last, 0),
    ]);
    expect(new Set(texts.map(({ bytes }) => new TextDecoder().decode(bytes))).size).toBe(4);
  });

  it('keeps to finite numbers near the picture for every person and photo', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat(2 ** 31),
        fc.nat(999),
        fc.nat(99),
        fc.double({ min: 0, max: 3, noNaN: true }),
        async (seed, identity, image, variation) => {
          const text = await svg({ ...OPTIONS, seed, variation }, identity, image);
          expect(text).not.toMatch(/NaN|Infinity|undefined|null/);
          expect(numbers(text).length).toBeGreaterThan(500);
          for (const value of numbers(text)) expect(Math.abs(value)).toBeLessThan(400);
          for (const [, name] of text.matchAll(/url\(#(\w+)\)/g)) expect(text).toContain(`id="${name}"`);
          expect(text.length).toBeLessThan(40_000);
        },
      ),
      { numRuns: 150, seed: 1 },
    );
  });

  it.each([64, 112])('is decoded by sharp at %i pixels into a picture with contrast', async (size) => {
    for (const nominal of [112, size]) {
      const { bytes } = await syntheticFaces({ ...OPTIONS, size: nominal }).load(5, 0);
      const { data, info } = await sharp(bytes)
        .resize(size, size)
        .flatten()
        .raw()
        .toBuffer({ resolveWithObject: true });
      expect([info.width, info.height, info.channels]).toEqual([size, size, 3]);
      const mean = data.reduce((sum, v) => sum + v, 0) / data.length;
      const deviation = Math.sqrt(data.reduce((sum, v) => sum + (v - mean) ** 2, 0) / data.length);
      expect(deviation).toBeGreaterThan(15);
    }
  });

  it.each([40, 112])('draws at %i pixels what sharp makes of the SVG', async (size) => {
    const source = syntheticFaces({ ...OPTIONS, size });
    for (let identity = 0; identity < 40; identity++) {
      const { bytes, name } = await source.load(identity, 0);
      const decoded = await sharp(bytes).flatten().raw().toBuffer();
      const drawn = await source.draw!(identity, 0, size, size);
      expect(drawn.name).toBe(name);
      expect(drawn.pixels).toHaveLength(decoded.length);
      let difference = 0;
      for (let i = 0; i < decoded.length; i++) difference += Math.abs(decoded[i]! - drawn.pixels[i]!);
      // Mean over pixels, of 255.
      expect([identity, difference / decoded.length < 2]).toEqual([identity, true]);
    }
  });

  it('draws the same pixels whatever was drawn before, at other sizes too', async () => {
    const source = syntheticFaces(OPTIONS);
    const draw = async (identity: number, size: number) => (await source.draw!(identity, 3, size, size)).pixels;
    const people = [...Array(12).keys()];
    const there = await Promise.all(people.map((identity) => draw(identity, 24)));
    await draw(5, 40);
    const back = await Promise.all([...people].reverse().map((identity) => draw(identity, 24)));
    expect(back.reverse()).toEqual(there);
    expect(new Set(there.map((pixels) => Buffer.from(pixels).toString('latin1'))).size).toBe(people.length);
  });

  it('covers a size that is no square and cuts evenly', async () => {
    const source = syntheticFaces({ ...OPTIONS, variation: 0 });
    const { pixels: square } = await source.draw!(1, 0, 40, 40);
    const { pixels: narrow } = await source.draw!(1, 0, 40, 20);
    // Ten columns less on each side; edges that the cut rounds may differ by a level.
    let most = 0;
    for (let y = 0; y < 40; y++) {
      for (let i = 0; i < 60; i++) most = Math.max(most, Math.abs(narrow[60 * y + i]! - square[120 * y + 30 + i]!));
    }
    expect(most).toBeLessThanOrEqual(1);
  });

  it('draws every person and photo without a pixel left out', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat(2 ** 31),
        fc.nat(999),
        fc.double({ min: 0, max: 3, noNaN: true }),
        async (seed, identity, variation) => {
          const { pixels } = await syntheticFaces({ ...OPTIONS, seed, variation }).draw!(identity, 0, 20, 20);
          const mean = pixels.reduce((sum, v) => sum + v, 0) / pixels.length;
          expect(mean).toBeGreaterThan(3);
          expect(Math.sqrt(pixels.reduce((sum, v) => sum + (v - mean) ** 2, 0) / pixels.length)).toBeGreaterThan(3);
        },
      ),
      { numRuns: 150, seed: 1 },
    );
  });

  it('without variation gives one pose and one light to a person', async () => {
    // What is left differs in what is worn and behind: the features that nothing covers are the same text.
    const noses = await Promise.all(
      [0, 1, 2, 3].map(async (image) => {
        const text = await svg({ ...OPTIONS, variation: 0 }, 1, image);
        return text.match(/<path d="[^"]*" fill="#[0-9a-f]{6}" fill-opacity="0.72"\/>/)?.[0];
      }),
    );
    expect(noses[0]).toBeDefined();
    expect(new Set(noses).size).toBe(1);
  });

  it('is rebuilt from its spec, which survives structuredClone', async () => {
    const source = syntheticFaces({ ...OPTIONS, firstIdentity: 40, variation: 1.5, size: 64 });
    const { module, export: name, options } = structuredClone(source.spec!);
    const twin: ImageSource = (await import(module))[name](options);
    expect(twin.identities).toBe(source.identities);
    expect(twin.imagesOf(0)).toBe(100);
    expect(await twin.load(1, 2)).toEqual(await source.load(1, 2));
  });

  it.each([
    [{ identities: 0 }, 'identities is 0'],
    [{ identities: 1.5 }, 'identities is 1.5'],
    [{ imagesPerIdentity: 0 }, 'imagesPerIdentity is 0'],
    [{ seed: -1 }, 'seed is -1'],
    [{ seed: Number.NaN }, 'seed is NaN'],
    [{ variation: -0.1 }, 'variation is -0.1'],
    [{ variation: Number.POSITIVE_INFINITY }, 'variation is Infinity'],
    [{ firstIdentity: -5 }, 'firstIdentity is -5'],
    [{ firstIdentity: 2 ** 53 - 1 }, 'firstIdentity + identities is'],
    [{ size: 4 }, 'size is 4'],
  ])('refuses %j', (wrong, message) => {
    expect(() => syntheticFaces({ ...OPTIONS, ...wrong })).toThrow(ProtomemError);
    expect(() => syntheticFaces({ ...OPTIONS, ...wrong })).toThrow(`syntheticFaces: ${message}`);
  });

  it('rejects identities and images that it does not have', async () => {
    const source = syntheticFaces(OPTIONS);
    await expect(source.load(1000, 0)).rejects.toThrow('syntheticFaces.load: identity is 1000');
    await expect(source.load(0, 100)).rejects.toThrow('syntheticFaces.load: image is 100');
    await expect(source.load(-1, 0)).rejects.toThrow(ProtomemError);
    await expect(source.draw!(0, 100, 8, 8)).rejects.toThrow('syntheticFaces.draw: image is 100');
    await expect(source.draw!(0, 0, 8, 0)).rejects.toThrow('syntheticFaces.draw: width is 0');
  });

  it('is neither solved by pixels nor hopeless for them', async () => {
    const people = 550;
    const source = syntheticFaces({ identities: people, imagesPerIdentity: 2, seed: 11 });
    const photo = async (identity: number, image: number): Promise<number[]> => {
      const { pixels } = await source.draw!(identity, image, 16, 16);
      return normalized(
        Array.from(
          { length: 256 },
          (_, i) => 0.3 * pixels[3 * i]! + 0.59 * pixels[3 * i + 1]! + 0.11 * pixels[3 * i + 2]!,
        ),
      );
    };
    const photos = await Promise.all(
      Array.from({ length: people }, async (_, i) => [await photo(i, 0), await photo(i, 1)] as const),
    );
    const same = photos.map(([a, b]) => dot(a, b));
    const different = photos.map(([a], i) => dot(a, photos[(i * 7 + 13) % people]![1]));
    const accuracy = bestAccuracy(same, different);
    expect(accuracy).toBeGreaterThan(0.58);
    expect(accuracy).toBeLessThan(0.74);
  });
});

function normalized(values: readonly number[]): number[] {
  const mean = values.reduce((sum, v) => sum + v, 0) / values.length;
  const length = Math.hypot(...values.map((v) => v - mean));
  return values.map((v) => (v - mean) / length);
}

function dot(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, v, i) => sum + v * b[i]!, 0);
}

/** Accuracy at the threshold that suits these pairs best. */
function bestAccuracy(same: readonly number[], different: readonly number[]): number {
  const pairs = [...same.map((score) => ({ score, same: 1 })), ...different.map((score) => ({ score, same: 0 }))];
  pairs.sort((a, b) => b.score - a.score);
  let right = different.length;
  let best = right;
  for (const pair of pairs) {
    right += pair.same ? 1 : -1;
    best = Math.max(best, right);
  }
  return best / pairs.length;
}
