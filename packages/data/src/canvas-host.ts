import { ProtomemError } from '@protomem/core';
import type { Decode } from './decode-options.ts';
import type { Host } from './loader/host.ts';

/** What is used of a browser, whose types TypeScript knows only together with the whole DOM. */
const { createImageBitmap, OffscreenCanvas } = globalThis as unknown as {
  createImageBitmap(image: Blob): Promise<Bitmap>;
  OffscreenCanvas: new (
    width: number,
    height: number,
  ) => { getContext(kind: '2d', options: { willReadFrequently: true }): Context };
};
interface Bitmap {
  readonly width: number;
  readonly height: number;
  close(): void;
}
interface Context {
  imageSmoothingQuality: 'high';
  fillRect(left: number, top: number, width: number, height: number): void;
  drawImage(image: Bitmap, left: number, top: number, width: number, height: number): void;
  getImageData(left: number, top: number, width: number, height: number): { readonly data: Uint8ClampedArray };
}

/** By the browser's own decoder, on a canvas: laid on black, scaled to cover the size, what sticks out cut off evenly. */
const decode: Decode = async (bytes, { height, width, name, maxPixels }) => {
  const image = await createImageBitmap(new Blob([bytes as Uint8Array<ArrayBuffer>])).catch((cause: Error) =>
    refuse(name, cause.message, cause),
  );
  try {
    const pixels = image.width * image.height;
    if (maxPixels > 0 && pixels > maxPixels) refuse(name, `${pixels} pixels, more than ${maxPixels}`);
    const context = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true });
    context.imageSmoothingQuality = 'high';
    context.fillRect(0, 0, width, height);
    const scale = Math.max(width / image.width, height / image.height);
    const [across, down] = [scale * image.width, scale * image.height];
    context.drawImage(image, (width - across) / 2, (height - down) / 2, across, down);
    const { data } = context.getImageData(0, 0, width, height);
    const rgb = new Uint8Array(height * width * 3);
    for (let from = 0, to = 0; to < rgb.length; from += 4, to += 3) {
      rgb[to] = data[from]!;
      rgb[to + 1] = data[from + 1]!;
      rgb[to + 2] = data[from + 2]!;
    }
    return rgb;
  } finally {
    image.close();
  }
};

/** A browser: its own decoders, and no threads. */
export const canvasHost: Host = { decode };

function refuse(name: string, reason: string, cause?: unknown): never {
  throw new ProtomemError(
    {
      where: 'decodeImage',
      what: name,
      got: `unreadable (${reason})`,
      expected: 'a whole image in a format that this browser reads',
    },
    { cause },
  );
}
