import { check, ProtomemError, type Settings } from '@protomem/core';
import type { InputNormalization } from './input-normalization.ts';
import type { modelOptions } from './model-options.ts';

/** What ONNX and TensorFlow.js models share: how pixels become numbers, and which output is the embedding. */

/** An output of a model, as it came for `images` images. */
export interface Output {
  readonly name: string;
  readonly shape: readonly number[];
}

/**
 * The output that holds the embeddings: the one asked for, or the only one of shape `[images, width]`, trailing ones left
 * out, with a width above 1.
 *
 * @throws ProtomemError when none is, several are, or the one asked for is not
 */
export function chooseOutput(file: string, outputs: readonly Output[], images: number, asked?: string): Output {
  const listed = outputs.map(({ name, shape }) => `${name} [${shape.join(', ')}]`).join(', ');
  const refuse = (what: string, got: string, expected: string, fix?: string): never => {
    throw new ProtomemError({ where: file, what, got, expected, fix });
  };
  if (asked !== undefined) {
    const found = outputs.find(({ name }) => name === asked);
    if (!found) return refuse('output', asked, `one of ${listed}`);
    if (widthOf(found, images) > 1) return found;
    return refuse(`output ${asked}`, `[${found.shape.join(', ')}]`, `embeddings [${images}, width], width > 1`);
  }
  const found = outputs.filter((one) => widthOf(one, images) > 1);
  if (found.length === 1) return found[0]!;
  if (found.length === 0) return refuse('its outputs', listed, `one that is [${images}, width], width > 1`);
  return refuse('its outputs', listed, 'one embedding', 'Name the output that it is with --output.');
}

/** How wide the embeddings of an output are; 0 for what holds none. */
export function widthOf({ shape }: Output, images: number): number {
  if (shape.length === 1) return images === 1 ? shape[0]! : 0;
  return shape[0] === images && shape.slice(2).every((side) => side === 1) ? (shape[1] ?? 0) : 0;
}

/** How a model gets its pixels: `(pixel - mean) / scale` for each channel that it takes, in its order. */
export interface Pixels {
  readonly mean: readonly number[];
  readonly scale: readonly number[];
  readonly bgr: boolean;
  /** What was decided, and why, in one line. */
  readonly note: string;
}

type ModelSettings = Settings<typeof modelOptions>;

/** What pixels a model gets: as asked for, else as it takes them. */
export function pixelsFor(
  { mean, scale, bgr }: ModelSettings,
  inside: InputNormalization | undefined,
  bytesOnly = false,
): Pixels {
  const asked = mean !== undefined || scale !== undefined;
  const takes = bytesOnly ? 'bytes' : (inside?.takes ?? 'centred');
  const [itsMean, itsScale] = { bytes: [0, 1], unit: [0, 255], centred: [127.5, 127.5] }[takes] as [number, number];
  const [usedMean, usedScale] = [mean ?? itsMean, scale ?? itsScale];
  const words = (value: number | readonly number[]): string =>
    typeof value === 'number' ? `${value}` : `(${value.join(', ')})`;
  const why = inside
    ? `the model normalises them itself (${inside.steps})${asked ? '; asked for all the same' : ''}`
    : `${asked ? 'as asked for' : bytesOnly ? 'the model takes bytes' : "InsightFace's, since the model normalises nothing"}`;
  return {
    mean: channelsOf(usedMean),
    scale: channelsOf(usedScale),
    bgr,
    note: `pixels: ${bgr ? 'BGR' : 'RGB'}, (pixel - ${words(usedMean)}) / ${words(usedScale)}: ${why}`,
  };
}

const channelsOf = (value: number | readonly number[]): readonly number[] =>
  typeof value === 'number' ? [value, value, value] : value;

/** Height and width: what the model says, or what is asked for. */
export function sidesOf(
  file: string,
  said: readonly unknown[],
  asked: number | undefined,
): readonly [height: number, width: number] {
  const sides = said.map((side) => (typeof side === 'number' && side > 0 ? side : undefined));
  for (const side of sides) {
    check(side === undefined || side <= 4096, () => ({
      where: file,
      what: 'its input',
      got: `${side} pixels`,
      expected: 'up to 4096',
    }));
    check(side === undefined || asked === undefined || side === asked, () => ({
      where: file,
      what: 'inputSize',
      got: asked,
      expected: `${side}, which the model takes`,
    }));
  }
  const [height, width] = sides.map((side) => side ?? asked);
  if (height === undefined || width === undefined) {
    throw new ProtomemError({
      where: file,
      what: 'the size of its input',
      got: 'not in the model',
      expected: 'a side in pixels',
      fix: 'Name it with --input-size; most face models take 112.',
    });
  }
  return [height, width];
}

/** Numbers of one input: 256 MiB of them. What a damaged file asks for beyond is refused before it is allocated. */
const MOST = 2 ** 26;

/** How many images a model takes at a time; undefined for any number. */
export function batchOf(file: string, said: unknown, [height, width]: readonly [number, number]): number | undefined {
  if (typeof said !== 'number' || said <= 0) return undefined;
  check(said * 3 * height * width <= MOST, () => ({
    where: file,
    what: 'its input',
    got: `${said} images of ${height} x ${width} at a time`,
    expected: `up to ${MOST} numbers`,
  }));
  return said;
}

/**
 * Pixels as a model takes them.
 *
 * @param pixels `[count, height, width, 3]`, RGB.
 * @returns `[count, 3, height, width]` where `planar`, else `[count, height, width, 3]`
 */
export function arrange(
  pixels: Uint8Array,
  { mean, scale, bgr }: Pixels,
  layout: { readonly height: number; readonly width: number; readonly planar: boolean; readonly mirror: boolean },
): Float32Array {
  const { height, width, planar, mirror } = layout;
  const values = new Float32Array(pixels.length);
  const plane = height * width;
  const rows = pixels.length / 3 / width;
  for (let row = 0; row < rows; row++) {
    const image = Math.floor(row / height);
    for (let x = 0; x < width; x++) {
      const from = 3 * (row * width + (mirror ? width - 1 - x : x));
      const place = (row % height) * width + x;
      for (let channel = 0; channel < 3; channel++) {
        const to = planar ? (3 * image + channel) * plane + place : 3 * (image * plane + place) + channel;
        values[to] = (pixels[from + (bgr ? 2 - channel : channel)]! - mean[channel]!) / scale[channel]!;
      }
    }
  }
  return values;
}
