import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { noise } from '../__fixtures__/people-folder.ts';
import { createAugmentation } from './create-augmentation.ts';
import { cutout } from './cutout.ts';
import { flip } from './flip.ts';
import { greyscale } from './greyscale.ts';
import type { Pixels } from './pixels.ts';
import { recolour } from './recolour.ts';
import { warp } from './warp.ts';

const pixelsOf = (height: number, width: number, seed = 1): Pixels => ({
  data: noise(height, width, seed),
  height,
  width,
});
const sizes = fc.record({
  height: fc.integer({ min: 1, max: 9 }),
  width: fc.integer({ min: 1, max: 9 }),
  seed: fc.nat(),
});
/** An image made pixel by pixel from a function of row, column and channel. */
const build = ({ height, width }: Pixels, value: (y: number, x: number, c: number) => number): number[] =>
  Array.from({ length: height * width * 3 }, (_, i) =>
    value(Math.floor(i / 3 / width), Math.floor(i / 3) % width, i % 3),
  );
const clamp = (value: number, high: number): number => Math.min(Math.max(value, 0), high);
/** The value at a pixel, the border going on outside. */
const at = ({ data, height, width }: Pixels, y: number, x: number, c: number): number =>
  data[3 * (clamp(y, height - 1) * width + clamp(x, width - 1)) + c]!;
const luma = (p: Pixels, y: number, x: number): number =>
  0.299 * at(p, y, x, 0) + 0.587 * at(p, y, x, 1) + 0.114 * at(p, y, x, 2);
const difference = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Math.max(...Array.from(a, (value, i) => Math.abs(value - b[i]!)));

describe('flip', () => {
  it('mirrors every row', () => {
    fc.assert(
      fc.property(sizes, ({ height, width, seed }) => {
        const before = pixelsOf(height, width, seed);
        const after = pixelsOf(height, width, seed);
        flip(after);
        expect(Array.from(after.data)).toEqual(build(before, (y, x, c) => at(before, y, width - 1 - x, c)));
      }),
    );
  });
});

describe('warp', () => {
  const still = { zoom: 1, degrees: 0, right: 0, down: 0 };

  it('shifts by whole pixels without changing values', () => {
    fc.assert(
      fc.property(sizes, fc.integer({ min: -4, max: 4 }), fc.integer({ min: -4, max: 4 }), (size, right, down) => {
        const image = pixelsOf(size.height, size.width, size.seed);
        const shifted = warp(image, { ...still, right, down });
        expect(Array.from(shifted)).toEqual(build(image, (y, x, c) => at(image, y - down, x - right, c)));
      }),
    );
  });

  it('is bilinear interpolation at the inverse movement', () => {
    const image = pixelsOf(11, 14);
    const movement = { zoom: 1.3, degrees: 20, right: 1.7, down: -0.6 };
    const angle = (20 * Math.PI) / 180;
    const expected = build(image, (y, x, c) => {
      // Forwards: out = centre + shift + zoom · R (in - centre), R clockwise on screen; solved for `in`.
      const u = (x - 6.5 - 1.7) / 1.3;
      const v = (y - 5 + 0.6) / 1.3;
      const sx = clamp(6.5 + Math.cos(angle) * u + Math.sin(angle) * v, 13);
      const sy = clamp(5 - Math.sin(angle) * u + Math.cos(angle) * v, 10);
      let sum = 0;
      for (const yy of [Math.floor(sy), Math.floor(sy) + 1]) {
        for (const xx of [Math.floor(sx), Math.floor(sx) + 1]) {
          sum += Math.max(0, 1 - Math.abs(sy - yy)) * Math.max(0, 1 - Math.abs(sx - xx)) * at(image, yy, xx, c);
        }
      }
      return sum;
    });
    expect(difference(warp(image, movement), expected)).toBeLessThanOrEqual(0.51);
  });

  it('turns clockwise by a quarter exactly', () => {
    const image = pixelsOf(7, 7);
    const turned = warp(image, { ...still, degrees: 90 });
    expect(
      difference(
        turned,
        build(image, (y, x, c) => at(image, 6 - x, y, c)),
      ),
    ).toBeLessThanOrEqual(0.51);
  });

  it('zooms about the centre', () => {
    const image = pixelsOf(9, 9);
    const zoomed = warp(image, { ...still, zoom: 2 });
    for (const [y, x] of [
      [4, 4],
      [0, 0],
      [8, 2],
    ] as const) {
      for (let c = 0; c < 3; c++)
        expect(zoomed[3 * (9 * y + x) + c]).toBe(at(image, 4 + (y - 4) / 2, 4 + (x - 4) / 2, c));
    }
  });
});

describe('recolour', () => {
  it('follows its formulas, one after the other', () => {
    fc.assert(
      fc.property(
        sizes,
        fc.double({ min: 0, max: 2, noNaN: true }),
        fc.double({ min: 0, max: 2, noNaN: true }),
        fc.double({ min: 0, max: 2, noNaN: true }),
        (size, brightness, contrast, saturation) => {
          const image = pixelsOf(size.height, size.width, size.seed);
          const changed = pixelsOf(size.height, size.width, size.seed);
          recolour(changed, { brightness, contrast, saturation });
          let mean = 0;
          for (let y = 0; y < size.height; y++) {
            for (let x = 0; x < size.width; x++) mean += (brightness * luma(image, y, x)) / (size.height * size.width);
          }
          const stretched = (value: number): number => mean + contrast * (brightness * value - mean);
          const expected = build(image, (y, x, c) => {
            const grey = stretched(luma(image, y, x));
            return clamp(grey + saturation * (stretched(at(image, y, x, c)) - grey), 255);
          });
          expect(difference(changed.data, expected)).toBeLessThanOrEqual(0.5001);
        },
      ),
    );
  });
});

describe('greyscale and cutout', () => {
  it('replaces pixels by their luma', () => {
    const image = pixelsOf(6, 5);
    const grey = pixelsOf(6, 5);
    greyscale(grey);
    expect(
      difference(
        grey.data,
        build(image, (y, x) => luma(image, y, x)),
      ),
    ).toBeLessThanOrEqual(0.5001);
  });

  it('paints the part of a rectangle that is inside', () => {
    const corner = fc.integer({ min: -5, max: 12 });
    const side = fc.integer({ min: 0, max: 8 });
    fc.assert(
      fc.property(sizes, corner, corner, side, side, (size, top, left, height, width) => {
        const image = pixelsOf(size.height, size.width, size.seed);
        const cut = pixelsOf(size.height, size.width, size.seed);
        cutout(cut, { top, left, height, width });
        const inside = (y: number, x: number): boolean => y >= top && y < top + height && x >= left && x < left + width;
        expect(Array.from(cut.data)).toEqual(build(image, (y, x, c) => (inside(y, x) ? 128 : at(image, y, x, c))));
      }),
    );
  });
});

describe('createAugmentation', () => {
  const everything = {
    flip: 0.5,
    shift: 0.1,
    zoom: 0.1,
    rotate: 10,
    brightness: 0.3,
    contrast: 0.3,
    saturation: 0.3,
    greyscale: 0.2,
    cutout: 0.5,
  };

  it('depends on the seed and on nothing else', () => {
    const once = createAugmentation(everything);
    const again = createAugmentation(once.options);
    for (let seed = 0; seed < 20; seed++) {
      expect(once.apply(pixelsOf(16, 12), seed)).toEqual(again.apply(pixelsOf(16, 12), seed));
    }
    expect(once.apply(pixelsOf(16, 12), 1)).not.toEqual(once.apply(pixelsOf(16, 12), 2));
  });

  it('by default mirrors half of the images and changes nothing else', () => {
    const image = pixelsOf(4, 4);
    const mirrored = pixelsOf(4, 4);
    flip(mirrored);
    let flips = 0;
    for (let seed = 0; seed < 1000; seed++) {
      const result = createAugmentation().apply(pixelsOf(4, 4), seed);
      const isFlipped = difference(result, mirrored.data) === 0;
      if (isFlipped) flips++;
      else expect(result).toEqual(image.data);
    }
    expect(Math.abs(flips - 500)).toBeLessThan(80);
  });

  it('shifts by whole pixels when it only shifts, both ways and not too far', () => {
    const width = 20;
    const ramp: number[] = [];
    for (let i = 0; i < width * width; i++) ramp.push(10 * (i % width), 10 * Math.floor(i / width), 0);
    const seen = new Set<number>();
    for (let seed = 0; seed < 300; seed++) {
      const data = Uint8Array.from(ramp);
      const result = createAugmentation({ flip: 0, shift: 0.1 }).apply({ data, height: width, width }, seed);
      const centre = 3 * (10 * width + 10);
      seen.add((100 - result[centre]!) / 10);
      expect(Math.abs(100 - result[centre + 1]!)).toBeLessThanOrEqual(20);
    }
    expect([...seen].sort((a, b) => a - b)).toEqual([-2, -1, 0, 1, 2]);
  });

  it('switches each change on alone, with probability 1 always', () => {
    const image = pixelsOf(16, 16);
    for (const name of ['zoom', 'rotate', 'brightness', 'contrast', 'saturation', 'greyscale', 'cutout'] as const) {
      const augmentation = createAugmentation({ flip: 0, [name]: 0.9 });
      const changed = Array.from({ length: 20 }, (_, seed) => augmentation.apply(pixelsOf(16, 16), seed));
      const different = changed.filter((result) => difference(result, image.data) > 0).length;
      expect([name, different > 10]).toEqual([name, true]);
    }
  });

  it('refuses unknown options and values out of range', () => {
    expect(() => createAugmentation({ flipp: 1 } as never)).toThrow('Did you mean "flip"?');
    expect(() => createAugmentation({ zoom: 1 })).toThrow(
      'createAugmentation: zoom is 1, expected a number in [0, 0.9].',
    );
    expect(() => createAugmentation({ flip: Number.NaN })).toThrow('flip is NaN');
  });
});
