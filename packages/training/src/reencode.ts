import { check, type ImageBatch, type Loader, type OptionsOf, option, Random, readOptions } from '@protomem/core';
import type { Encoder, Head } from '@protomem/core/contracts';
import * as tf from '@tensorflow/tfjs';
import { encodeAsInTraining } from './differentiate.ts';

/** Staleness re-encoding: the stalest columns of a head are made anew from reference images, every so many steps. */
export const reencodeOptions = {
  every: option.integer({
    help: 'Steps between two times that the stalest classes in memory are encoded anew; 0: never.',
    ...{ min: 0, default: 0 },
  }),
  classes: option.integer({ help: 'How many of the stalest at a time.', min: 1, default: 32 }),
  images: option.integer({ help: 'Images of each, not augmented.', min: 1, default: 2 }),
  ratio: option.number({
    help: 'Share of the prototype that these images make; the rest stays of the stored one.',
    ...{ min: 0, max: 1, default: 1 },
  }),
};

export type ReencodeOptions = OptionsOf<typeof reencodeOptions>;

/** What was made anew after a step. */
export interface Reencoded {
  readonly metrics: Readonly<Record<string, number>>;
  readonly skipped: ImageBatch['skipped'];
}

/** Whose columns are made anew, by which encoder, from whose images. */
export interface ReencoderParts {
  readonly encoder: Encoder;
  readonly head: Pick<Head, 'name' | 'stalest' | 'refreshFrom'>;
  readonly loader: Pick<Loader, 'references'>;
  /** Images that go through the encoder at once. */
  readonly encoderBatch: number;
  readonly seed: number;
}

/**
 * Re-encodes after steps that are multiples of `every`. Which images it takes depends on the seed and the step alone, so that
 * a resumed run goes on as one that was never interrupted. The encoder runs as in training, whose embeddings the columns
 * meet, and its running statistics stay as they are; where fewer than half of the images asked for can be read, nothing is
 * re-encoded, as batch norm has too few.
 *
 * @returns undefined after other steps
 * @throws ProtomemError, on the spot, when head or loader cannot do it
 */
export function createReencoder(
  where: string,
  options: ReencodeOptions,
  { encoder, head, loader, encoderBatch, seed }: ReencoderParts,
): (step: number) => Promise<Reencoded | undefined> {
  const { every, classes, images, ratio } = readOptions(where, reencodeOptions, options);
  if (every === 0) return async () => undefined;
  const needed = { 'stalest and refreshFrom': head.stalest && head.refreshFrom, references: loader.references };
  for (const [name, member] of Object.entries(needed)) {
    check(member !== undefined, () => ({
      where,
      what: name === 'references' ? 'references of the loader' : `${name} of the head ${head.name}`,
      got: 'missing',
      expected: 'functions, for `reencode` to make stale columns anew',
      fix: 'Use a head and a loader that have them, such as prototypeHead and createLoader, or leave reencode out.',
    }));
  }
  check(classes * images >= 2, () => ({
    where,
    what: 'classes times images of reencode',
    got: classes * images,
    expected: 'at least 2, for batch norm',
  }));

  return async (step) => {
    if (step % every !== 0) return undefined;
    const begun = performance.now();
    const stalest = head.stalest!(classes).filter(({ age }) => age > 0);
    const random = new Random(seed, step);
    const request = { identities: stalest.map(({ id }) => id), images, seed: random.uint32() };
    const { pixels, shape, labels, skipped } = await loader.references!(request);
    const enough = labels.length >= Math.max(2, (stalest.length * images) / 2);
    const made = !enough
      ? []
      : tf.tidy(() => {
          const batch = tf.tensor4d(pixels, [...shape], 'float32');
          const embeddings = encodeAsInTraining(encoder, batch, encoderBatch, random.uint32() >>> 1);
          return [...head.refreshFrom!(embeddings, labels, ratio)];
        });
    const mean = (of: (column: (typeof made)[number]) => number): number =>
      made.reduce((sum, column) => sum + of(column), 0) / made.length;
    return {
      skipped,
      metrics: {
        'reencode/classes': made.length,
        'reencode/images': enough ? labels.length : 0,
        'reencode/unreadable_images': skipped.length,
        'reencode/seconds': (performance.now() - begun) / 1000,
        ...(made.length > 0 && {
          'reencode/age': mean(({ age }) => age),
          'reencode/cosine': mean(({ cosine }) => cosine),
        }),
      },
    };
  };
}
