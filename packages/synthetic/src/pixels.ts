import { addGrain, blurLayer } from './camera.ts';
import { Canvas } from './canvas.ts';
import { tenths } from './path.ts';
import type { Face } from './render.ts';

/** What drawing at one size needs, made once and used for all images. */
class Studio {
  readonly below: Float32Array;
  readonly layer: Float32Array;
  readonly scratch: Float32Array;
  readonly canvas: Canvas;
  readonly width: number;
  readonly height: number;

  constructor(width: number, height: number) {
    this.width = width;
    this.height = height;
    this.below = new Float32Array(4 * width * height);
    this.layer = new Float32Array(4 * width * height);
    this.scratch = new Float32Array(4 * width * height);
    this.canvas = new Canvas(width, height, this.below);
  }
}

let studio: Studio | undefined;

/** A face as pixels: what a viewer makes of its SVG, to a rounding. @returns RGB, `[height, width, 3]` */
export function facePixels(
  { backdrop, person, blur, grain, grainSeed }: Face,
  width: number,
  height: number,
): Uint8Array {
  if (studio?.width !== width || studio.height !== height) studio = new Studio(width, height);
  const { below, layer, scratch, canvas } = studio;
  const scale = Math.max(width, height) / 112;
  // As in the text, to a tenth.
  const [across, down, veil] = [tenths(blur.x) / 10, tenths(blur.y) / 10, tenths(grain) / 10];
  canvas.pixels = below;
  canvas.draw(backdrop);
  if (across > 0) {
    canvas.pixels = layer.fill(0);
    canvas.draw(person);
    blurLayer(layer, scratch, width, height, across * scale, down * scale);
    for (let at = 0; at < below.length; at += 4) {
      const rest = 1 - layer[at + 3]!;
      below[at] = below[at]! * rest + layer[at]!;
      below[at + 1] = below[at + 1]! * rest + layer[at + 1]!;
      below[at + 2] = below[at + 2]! * rest + layer[at + 2]!;
    }
  } else canvas.draw(person);
  if (veil > 0) addGrain(below, width, height, 1 / scale, veil, grainSeed);
  const rgb = new Uint8Array(3 * width * height);
  for (let from = 0, to = 0; from < below.length; from += 4, to += 3) {
    rgb[to] = (below[from]! + 0.5) | 0;
    rgb[to + 1] = (below[from + 1]! + 0.5) | 0;
    rgb[to + 2] = (below[from + 2]! + 0.5) | 0;
  }
  return rgb;
}
