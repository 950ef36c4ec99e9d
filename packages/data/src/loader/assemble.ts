import {
  check,
  type DrawnImage,
  type ImageBatch,
  type ImageSource,
  type PlannedImage,
  ProtomemError,
  Random,
} from '@protomem/core';
import type { Augmentation } from '../augment/create-augmentation.ts';
import type { Decode } from '../decode-options.ts';
import { createImageReader, IMAGES_TRIED, type ReadImage, type Unread } from './image-reader.ts';

/** What makes a batch out of a plan. */
export interface AssemblerOptions {
  readonly source: ImageSource;
  readonly height: number;
  readonly width: number;
  readonly augmentation?: Augmentation;
  readonly cacheBytes: number;
  /** How often a read that failed is tried again, after a pause. */
  readonly retries: number;
  /** For evaluation: refuse a batch with an unreadable image instead of replacing it, and decode exactly. */
  readonly strict: boolean;
}

/**
 * Turns a plan into a batch; the same plan always gives the same batch. What could not be read is tried again when the
 * number of the pass over the data is another one.
 */
export type Assembler = (plan: readonly PlannedImage[], pass: number) => Promise<ImageBatch>;

/** Other identities that are tried in place of one without a readable image, before those of the batch itself. */
const STRANGERS_TRIED = 32;

/** Reads, decodes, augments and lays out batches. */
export function createAssembler(options: AssemblerOptions, decode: Decode): Assembler {
  const { source, height, width, augmentation, strict } = options;
  const read = createImageReader(source, { ...options, exact: strict }, decode);
  const imageBytes = height * width * 3;

  return async (plan, pass) => {
    const pixels = new Uint8Array(plan.length * imageBytes);
    const labels = new Float64Array(plan.length);
    const images = new Float64Array(plan.length);
    const names = new Array<string>(plan.length);
    const place = (slot: number, identity: number, index: number, image: DrawnImage): void => {
      const data = pixels.subarray(slot * imageBytes, (slot + 1) * imageBytes);
      data.set(image.pixels);
      const changed = augmentation?.apply({ data, height, width }, plan[slot]!.seed) ?? data;
      check(changed.length === imageBytes, () => ({
        where: 'loader',
        what: `${image.name} of ${source.name}, as the augmentation returns it,`,
        got: `${changed.length} bytes`,
        expected: `${height} x ${width} x 3`,
      }));
      if (changed !== data) data.set(changed);
      labels[slot] = identity;
      images[slot] = index;
      names[slot] = image.name;
    };

    const failed: ({ readonly slot: number } & Unread)[] = [];
    await Promise.all(
      plan.map(async ({ identity, image }, slot) => {
        const result = await read(identity, image, pass);
        if ('pixels' in result) place(slot, identity, image, result);
        else failed.push({ slot, ...result });
      }),
    );
    failed.sort((a, b) => a.slot - b.slot);
    if (strict && failed.length > 0) throw unreadable(source, failed, 'Mend them, or take them out of the list.');
    const taken = new Set(plan.map(({ identity, image }) => `${identity}/${image}`));
    for (const { slot } of failed) {
      const found = await findReplacement(source, plan, slot, taken, (identity, image) =>
        read(identity, image, pass, false),
      );
      if (!found) throw unreadable(source, failed);
      place(slot, found.identity, found.image, found.result);
    }
    const skipped = failed.map(({ slot: _, ...unread }) => unread);
    return { pixels, shape: [plan.length, height, width, 3], labels, images, names, skipped };
  };
}

/**
 * Another image of the same identity, rather one that is not `taken` yet; else one of another identity, the same
 * for all images of the lost one: drawn from those that the batch does not have, else the next in the batch.
 * Depends on the plan and on which files can be read, on nothing else.
 */
async function findReplacement(
  source: ImageSource,
  plan: readonly PlannedImage[],
  slot: number,
  taken: Set<string>,
  read: (identity: number, image: number) => Promise<ReadImage>,
): Promise<{ readonly identity: number; readonly image: number; readonly result: DrawnImage } | undefined> {
  const lost = plan[slot]!.identity;
  const inBatch = [...new Set(plan.map(({ identity }) => identity))];
  const own = inBatch.indexOf(lost);
  const others = [...inBatch.slice(own + 1), ...inBatch.slice(0, own)];
  const random = new Random(plan.find(({ identity }) => identity === lost)!.seed, 1);
  const strangers = Array.from({ length: STRANGERS_TRIED }, () => random.below(source.identities)).filter(
    (identity) => !inBatch.includes(identity),
  );
  for (const identity of [lost, ...strangers, ...others]) {
    const count = source.imagesOf(identity);
    if (count === 0) continue;
    const start = new Random(plan[slot]!.seed, 2).below(count);
    for (const wantTaken of [false, true]) {
      for (let i = 0; i < Math.min(count, IMAGES_TRIED); i++) {
        const image = (start + i) % count;
        const key = `${identity}/${image}`;
        if (taken.has(key) !== wantTaken) continue;
        const result = await read(identity, image);
        if ('reason' in result) continue;
        taken.add(key);
        return { identity, image, result };
      }
    }
  }
  return undefined;
}

function unreadable(
  source: ImageSource,
  failed: readonly { readonly name: string; readonly reason: string }[],
  fix = 'Neither they nor any image tried in their place can be read: check the folder and its permissions.',
): ProtomemError {
  return new ProtomemError({
    where: 'loader',
    what: `${failed.length} image(s) of ${source.name}, the first of them ${failed[0]!.name},`,
    got: `unreadable (${failed[0]!.reason})`,
    expected: 'images that can be read',
    fix,
  });
}
