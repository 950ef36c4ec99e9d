import type { ImageBatch } from '@protomem/core';
import type { PrototypeMemory } from '@protomem/memory';
import type { Logger } from '@protomem/training';
import sharp from 'sharp';

/** Faces in the picture of a batch: this many a row, and rows. */
const COLUMNS = 8;
const ROWS = 6;

export interface Pictured {
  readonly step: number;
  readonly batch?: ImageBatch;
  readonly memory?: PrototypeMemory;
  readonly scores: Float64Array;
  readonly labels: Uint8Array;
}

/** What an evaluation shows besides numbers, for loggers that can take it. */
export async function logPictures(loggers: readonly Logger[], pictured: Pictured): Promise<void> {
  const { step, batch, memory, scores, labels } = pictured;
  const curve = { scores, labels };
  for (const logger of loggers) logger.curves?.({ 'evaluation/pairs': curve }, step);
  if (memory) {
    const probed = memory.stalenessCurve();
    const staleness = { values: probed.map(({ cosine }) => cosine), counts: probed.map(({ count }) => count) };
    const distributions = { 'memory/ages': { values: memory.ages() }, 'memory/staleness_cosine': staleness };
    for (const logger of loggers) logger.histograms?.(distributions, step);
  }
  const showing = loggers.filter((logger) => logger.images);
  if (!batch || showing.length === 0) return;
  const image = await pictureOf(batch);
  for (const logger of showing) logger.images!({ 'batch/faces': image }, step);
}

/** The first faces of a batch beside and below each other. */
async function pictureOf({ pixels, shape: [images, height, width] }: ImageBatch) {
  const columns = Math.min(COLUMNS, images);
  const rows = Math.min(ROWS, Math.ceil(images / columns));
  const sheet = new Uint8Array(rows * height * columns * width * 3);
  for (let i = 0; i < Math.min(images, rows * columns); i++) {
    const [top, left] = [Math.floor(i / columns) * height, (i % columns) * width];
    for (let y = 0; y < height; y++) {
      const from = (i * height + y) * width * 3;
      sheet.set(pixels.subarray(from, from + width * 3), ((top + y) * columns * width + left) * 3);
    }
  }
  const raw = { width: columns * width, height: rows * height, channels: 3 } as const;
  return { bytes: await sharp(sheet, { raw }).jpeg({ quality: 85 }).toBuffer(), width: raw.width, height: raw.height };
}
