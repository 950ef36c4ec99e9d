import fc from 'fast-check';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { noise } from '../../fixtures/people-folder.ts';
import { blur } from './blur.ts';
import { createAugmentation } from './create-augmentation.ts';
import { crop } from './crop.ts';
import { cutout } from './cutout.ts';
import { downscale } from './downscale.ts';
import { flip } from './flip.ts';
import { greyscale } from './greyscale.ts';
import { jpegCompression } from './jpeg-compression.ts';
import type { Pixels } from './pixels.ts';
import { recolour } from './recolour.ts';
import { shift } from './shift.ts';
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
/** What a change in place makes of an image. */
const changed = (image: Pixels, change: (pixels: Pixels) => void): Uint8Array => {
  const pixels = { ...image, data: image.data.slice() };
  change(pixels);
  return pixels.data;
};
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

describe('shift', () => {
  it('moves by whole pixels without changing values, also right out of the image', () => {
    const far = fc.integer({ min: -12, max: 12 });
    fc.assert(
      fc.property(sizes, far, far, (size, right, down) => {
        const image = pixelsOf(size.height, size.width, size.seed);
        const shifted = changed(image, (pixels) => shift(pixels, right, down));
        expect(Array.from(shifted)).toEqual(build(image, (y, x, c) => at(image, y - down, x - right, c)));
      }),
    );
  });
});

describe('warp', () => {
  const still = { zoom: 1, degrees: 0, right: 0, down: 0 };
  const warped = (image: Pixels, movement: Parameters<typeof warp>[1]): Uint8Array =>
    changed(image, (pixels) => warp(pixels, movement));

  it('shifts as `shift` does', () => {
    const image = pixelsOf(7, 9);
    expect(warped(image, { ...still, right: 2, down: -3 })).toEqual(changed(image, (pixels) => shift(pixels, 2, -3)));
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
    expect(difference(warped(image, movement), expected)).toBeLessThanOrEqual(0.51);
  });

  it('turns clockwise by a quarter exactly', () => {
    const image = pixelsOf(7, 7);
    const turned = warped(image, { ...still, degrees: 90 });
    expect(
      difference(
        turned,
        build(image, (y, x, c) => at(image, 6 - x, y, c)),
      ),
    ).toBeLessThanOrEqual(0.51);
  });

  it('zooms about the centre', () => {
    const image = pixelsOf(9, 9);
    const zoomed = warped(image, { ...still, zoom: 2 });
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
          const result = changed(image, (pixels) => recolour(pixels, { brightness, contrast, saturation }));
          let mean = 0;
          for (let y = 0; y < size.height; y++) {
            for (let x = 0; x < size.width; x++) mean += (brightness * luma(image, y, x)) / (size.height * size.width);
          }
          const stretched = (value: number): number => mean + contrast * (brightness * value - mean);
          const expected = build(image, (y, x, c) => {
            const grey = stretched(luma(image, y, x));
            return clamp(grey + saturation * (stretched(at(image, y, x, c)) - grey), 255);
          });
          expect(difference(result, expected)).toBeLessThanOrEqual(0.51);
        },
      ),
      // More than the loops' memory begins with.
      { examples: [[{ height: 150, width: 161, seed: 1 }, 1.2, 0.8, 1.1]] },
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

describe('crop', () => {
  it('is bilinear interpolation at pixel centres of the region', () => {
    const image = pixelsOf(13, 10);
    const region = { top: 1.25, left: 2.5, height: 7.5, width: 6.2 };
    const expected = build(image, (y, x, c) => {
      const sy = clamp(1.25 + ((y + 0.5) * 7.5) / 13 - 0.5, 12);
      const sx = clamp(2.5 + ((x + 0.5) * 6.2) / 10 - 0.5, 9);
      let sum = 0;
      for (let yy = 0; yy < 13; yy++) {
        for (let xx = 0; xx < 10; xx++) {
          sum += Math.max(0, 1 - Math.abs(sy - yy)) * Math.max(0, 1 - Math.abs(sx - xx)) * at(image, yy, xx, c);
        }
      }
      return sum;
    });
    expect(
      difference(
        changed(image, (pixels) => crop(pixels, region)),
        expected,
      ),
    ).toBeLessThanOrEqual(0.501);
  });

  it('changes nothing when the region is the whole image', () => {
    const image = pixelsOf(8, 9);
    expect(changed(image, (pixels) => crop(pixels, { top: 0, left: 0, height: 8, width: 9 }))).toEqual(image.data);
  });
});

describe('blur', () => {
  it('is the normalized Gaussian over both sides', () => {
    fc.assert(
      fc.property(sizes, fc.double({ min: 0.2, max: 3, noNaN: true }), (size, sigma) => {
        const image = pixelsOf(size.height, size.width, size.seed);
        const reach = Math.ceil(3 * sigma);
        const weight = (d: number): number => Math.exp((-d * d) / (2 * sigma * sigma));
        const expected = build(image, (y, x, c) => {
          let [sum, total] = [0, 0];
          for (let dy = -reach; dy <= reach; dy++) {
            for (let dx = -reach; dx <= reach; dx++) {
              sum += weight(dy) * weight(dx) * at(image, y + dy, x + dx, c);
              total += weight(dy) * weight(dx);
            }
          }
          return sum / total;
        });
        expect(
          difference(
            changed(image, (pixels) => blur(pixels, sigma)),
            expected,
          ),
        ).toBeLessThanOrEqual(0.501);
      }),
      { numRuns: 30 },
    );
  });
});

describe('downscale', () => {
  it('averages whole blocks where the factor is a whole number', () => {
    const image = pixelsOf(6, 9);
    // Down to 2 x 3 blocks of 3 x 3, then bilinear between their centres.
    const mean = (row: number, column: number, c: number): number => {
      let sum = 0;
      for (let i = 0; i < 9; i++) sum += at(image, 3 * row + Math.floor(i / 3), 3 * column + (i % 3), c);
      return sum / 9;
    };
    const expected = build(image, (y, x, c) => {
      const [sy, sx] = [clamp((y + 0.5) / 3 - 0.5, 1), clamp((x + 0.5) / 3 - 0.5, 2)];
      let sum = 0;
      for (let row = 0; row < 2; row++) {
        for (let column = 0; column < 3; column++) {
          sum += Math.max(0, 1 - Math.abs(sy - row)) * Math.max(0, 1 - Math.abs(sx - column)) * mean(row, column, c);
        }
      }
      return sum;
    });
    const result = changed(image, (pixels) => downscale(pixels, { height: 2, width: 3 }));
    expect(difference(result, expected)).toBeLessThanOrEqual(0.501);
  });

  it('keeps an image at its own size, and the mean at any', () => {
    const image = pixelsOf(11, 8);
    expect(changed(image, (pixels) => downscale(pixels, image))).toEqual(image.data);
    // One pixel: parts of pixels are weighed by how much of them is inside.
    const flat = changed(image, (pixels) => downscale(pixels, { height: 1, width: 1 }));
    const mean = (c: number): number => build(image, (y, x) => at(image, y, x, c)).reduce((a, b) => a + b) / 264;
    for (let c = 0; c < 3; c++) expect(Math.abs(flat[c]! - mean(c))).toBeLessThanOrEqual(0.501);
    const striped = changed(image, (pixels) => downscale(pixels, { height: 4, width: 5 }));
    const sum = (values: Uint8Array): number => values.reduce((a, b) => a + b);
    expect(Math.abs(sum(striped) - sum(image.data)) / image.data.length).toBeLessThan(3);
  });
});

describe('jpegCompression', () => {
  it.each([10, 30, 50, 75, 95])('loses what saving as JPEG loses, quality %i', async (quality) => {
    // Sides that are no whole blocks; smooth, as photographs are, with colours that change slowly.
    const [height, width] = [83, 77];
    const image = pixelsOf(height, width);
    blur(image, 1);
    const data = image.data.map((value) => clamp(128 + 3 * (value - 128), 255));
    const saved = await sharp(data, { raw: { height, width, channels: 3 } })
      .jpeg({ quality, chromaSubsampling: '4:2:0', mozjpeg: false })
      .toBuffer();
    const theirs = await sharp(saved).raw().toBuffer();
    const ours = changed({ data, height, width }, (pixels) => jpegCompression(pixels, quality));
    const distance = (a: Uint8Array, b: Uint8Array): number =>
      Math.sqrt(a.reduce((sum, value, i) => sum + (value - b[i]!) ** 2, 0) / a.length);
    // libjpeg rounds more often in between, by which now and then a coefficient falls on the other side of a step.
    expect(distance(ours, theirs)).toBeLessThan(0.16 * distance(data, theirs));
    expect(distance(ours, data) / distance(theirs, data)).toBeCloseTo(1, 1);
  });

  it('keeps a grey image as it is: a step is smaller than a level', () => {
    const image = { data: new Uint8Array(3 * 20 * 17).fill(77), height: 20, width: 17 };
    expect(changed(image, (pixels) => jpegCompression(pixels, 90))).toEqual(image.data);
  });
});

describe('createAugmentation', () => {
  const everything = {
    flip: 0.5,
    crop: 0.4,
    shift: 0.1,
    zoom: 0.1,
    rotate: 10,
    brightness: 0.3,
    contrast: 0.3,
    saturation: 0.3,
    greyscale: 0.2,
    blur: 0.3,
    downscale: 0.3,
    jpeg: 0.3,
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

  it('does not touch its neighbours in a batch', () => {
    const size = 3 * 16 * 12;
    const batch = noise(3 * 16, 12, 4);
    for (let seed = 0; seed < 20; seed++) {
      const middle = batch.slice(size, 2 * size);
      const expected = createAugmentation(everything).apply({ data: middle, height: 16, width: 12 }, seed);
      const whole = batch.slice();
      const part = { data: whole.subarray(size, 2 * size), height: 16, width: 12 };
      expect(createAugmentation(everything).apply(part, seed)).toEqual(expected);
      expect(whole.subarray(0, size)).toEqual(batch.subarray(0, size));
      expect(whole.subarray(2 * size)).toEqual(batch.subarray(2 * size));
    }
  });

  it('crops inside the image, no more than asked', () => {
    // A ramp shows where the result was taken from.
    const [height, width] = [20, 30];
    const ramp = Uint8Array.from({ length: 3 * height * width }, (_, i) =>
      i % 3 === 0 ? 8 * (Math.floor(i / 3) % width) : 12 * Math.floor(i / 3 / width),
    );
    const areas: number[] = [];
    for (let seed = 0; seed < 200; seed++) {
      const result = createAugmentation({ flip: 0, crop: 0.5 }).apply({ data: ramp.slice(), height, width }, seed);
      const last = 3 * (height * width - 1);
      // Outermost pixels lie half a pixel of the region inside.
      const across = ((result[last]! - result[0]!) / 8 / (width - 1)) * width;
      const down = ((result[last + 1]! - result[1]!) / 12 / (height - 1)) * height;
      areas.push((across * down) / (height * width));
    }
    expect(Math.min(...areas)).toBeGreaterThan(0.45);
    expect(Math.min(...areas)).toBeLessThan(0.6);
    expect(Math.max(...areas)).toBeLessThan(1.05);
    expect(Math.max(...areas)).toBeGreaterThan(0.85);
  });

  it('switches each change on alone, with probability 1 always', () => {
    const image = pixelsOf(16, 16);
    const { flip: _, ...others } = everything;
    for (const name of Object.keys(others)) {
      const augmentation = createAugmentation({ flip: 0, [name]: 0.9 });
      const results = Array.from({ length: 20 }, (_, seed) => augmentation.apply(pixelsOf(16, 16), seed));
      const different = results.filter((result) => difference(result, image.data) > 0).length;
      expect([name, different > 10]).toEqual([name, true]);
    }
  });

  it('refuses unknown options and values out of range', () => {
    expect(() => createAugmentation({ flipp: 1 } as never)).toThrow('Did you mean "flip"?');
    expect(() => createAugmentation({ zoom: 1 })).toThrow(
      'createAugmentation: zoom is 1, expected a number in [0, 0.9].',
    );
    expect(() => createAugmentation({ flip: Number.NaN })).toThrow('flip is NaN');
    expect(() => createAugmentation({ jpegQuality: 0 })).toThrow('jpegQuality is 0, expected a number in [1, 95]');
  });
});
