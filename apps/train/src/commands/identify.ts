import { readFile } from 'node:fs/promises';
import { check, checkShape, type ImageSource, ProtomemError, parseJson, printable } from '@protomem/core';
import { decodeImage } from '@protomem/data';
import type { VerificationReport } from '@protomem/evaluation';
import { type EmbeddingModel, embedImages, normalizeRows, openModel } from '@protomem/protocols';
import { runFolder, verificationShape } from '@protomem/recipes';
import { command, toNumber } from '../command-line.ts';
import { type DataSetArguments, dataSetOptions, openSaid } from '../data-sets.ts';

const about = 'Names the people of a gallery who look most like the one in a photo, and says how sure it is.';

/** `protomem identify`. */
export const make = () =>
  dataSetOptions(command('identify', about).argument('<photo>', 'image of one aligned face'))
    .requiredOption('--model <run>', 'a finished run, whose test says what a cosine means')
    .requiredOption('--gallery <dir>', 'a data set of known people, aligned as the training data was')
    .option('--far <x>', 'how often two strangers may be called the same, per comparison', toNumber, 0.01)
    .option('--top <n>', 'how many people to list', toNumber, 5)
    .action((photo, { model, ...options }) => identify(photo, model, options));

export interface IdentifyOptions extends DataSetArguments {
  /** A data set of known people, aligned as the training data was. */
  readonly gallery: string;
  /** How often two strangers may be called the same, per comparison. */
  readonly far: number;
  /** How many people to list. */
  readonly top: number;
}

/** Share of one person's pairs that may score lower than what is called different. */
const MISSED = 0.01;

/** What a run's own test says a cosine means. */
interface Calibration {
  /** From here on: the same person. */
  readonly same: number;
  /** Below: different people. Between the two nothing is sure. */
  readonly different: number;
  /** False accept rate at `same`, and how many pairs of strangers that was measured on. */
  readonly far: number;
  readonly strangers: number;
}

/** Names the people of a gallery who look most like the one in a photo, and says how sure it is. */
export async function identify(photo: string, run: string, options: IdentifyOptions): Promise<void> {
  const { gallery, far, top, ...opening } = options;
  check(Number.isInteger(top) && top >= 1, () => ({
    where: 'identify',
    what: '--top',
    got: top,
    expected: 'an integer >= 1',
  }));
  const calibration = await calibrationOf(run, far);
  const source = await openSaid(gallery, opening);
  const encoder = await openModel(run);
  try {
    const query = await embedPhoto(encoder, photo);
    const templates = await templatesOf(encoder, source);
    const width = encoder.embeddingSize;
    const cosine = (identity: number): number =>
      query.reduce((sum, value, i) => sum + value * templates[identity * width + i]!, 0);
    const found = Array.from({ length: source.identities }, (_, identity) => ({ identity, cosine: cosine(identity) }))
      .sort((a, b) => b.cosine - a.cosine)
      .slice(0, top);
    for (const { identity, cosine } of found) {
      console.log(
        `${answer(cosine, calibration).padEnd(10)} ${cosine.toFixed(3).padStart(6)}  ${printable(source.identityName(identity))}`,
      );
    }
    console.log(meaning(calibration, source.identities));
  } finally {
    await encoder.dispose();
  }
}

function answer(cosine: number, { same, different }: Calibration): string {
  if (cosine >= same) return 'same';
  return cosine < different ? 'different' : 'not sure';
}

function meaning({ same, different, far, strangers }: Calibration, identities: number): string {
  const percent = (share: number): string => `${(100 * share).toPrecision(2)} %`;
  return [
    `"same" from ${same.toFixed(3)}: ${percent(far)} of ${strangers} pairs of strangers in the run's test score as high;`,
    `by chance a stranger is called the same as one of these ${identities} people in about ${percent(1 - (1 - far) ** identities)} of cases.`,
    `"different" below ${different.toFixed(3)}: at most ${percent(MISSED)} of that test's pairs of one person score lower.`,
  ].join('\n');
}

/** Thresholds from the verification in the run's `metrics.json`. */
async function calibrationOf(run: string, far: number): Promise<Calibration> {
  const { metrics } = runFolder(run);
  const text = await readFile(metrics, 'utf8').catch((error: Error) => {
    const [got, expected] = [error.message, "a finished run's results, which say what a cosine means"];
    throw new ProtomemError({ where: 'identify', what: metrics, got, expected }, { cause: error });
  });
  const saved = parseJson(text, { where: metrics, what: 'its text' });
  checkShape(saved, { heads: [{ verification: verificationShape }] }, metrics);
  const { heads } = saved as { readonly heads: readonly { readonly verification: VerificationReport }[] };
  const { tarAtFar, negatives, scores } = heads[0]!.verification;
  const point = tarAtFar.find((one) => one.far === far);
  check(point?.reachable === true, () => ({
    where: 'identify',
    what: '--far',
    got: far,
    expected: `one of ${tarAtFar.filter(({ reachable }) => reachable).map((one) => one.far)}, which the run's ${negatives} pairs of strangers can tell`,
  }));
  const { edges, counts } = scores.same;
  const total = counts.reduce((sum, count) => sum + count, 0);
  let [bin, below] = [0, 0];
  while (bin < counts.length && below + counts[bin]! <= MISSED * total) below += counts[bin++]!;
  const same = point!.threshold!;
  return { same, different: Math.min(same, edges[bin]!), far: point!.actualFar!, strangers: negatives };
}

async function embedPhoto(encoder: EmbeddingModel, photo: string): Promise<Float32Array> {
  const bytes = await readFile(photo).catch((error: Error) => {
    const [got, expected] = [error.message, 'an image of one aligned face'];
    throw new ProtomemError({ where: 'identify', what: photo, got, expected }, { cause: error });
  });
  const [height, width] = encoder.inputSize;
  const pixels = await decodeImage(bytes, { height, width, name: photo });
  return normalizeRows(await encoder.embed(pixels, 1, true), encoder.embeddingSize);
}

/** One unit vector a person: the mean of the images' unit vectors, row by row. */
async function templatesOf(encoder: EmbeddingModel, source: ImageSource): Promise<Float32Array> {
  const width = encoder.embeddingSize;
  const templates = new Float32Array(source.identities * width);
  for await (const { labels, values } of embedImages(encoder, source, { flip: true, batch: 64 })) {
    for (const [row, identity] of labels.entries()) {
      for (let i = 0; i < width; i++) templates[identity * width + i]! += values[row * width + i]!;
    }
  }
  for (let identity = 0; identity < source.identities; identity++) {
    const template = templates.subarray(identity * width, (identity + 1) * width);
    const length = Math.hypot(...template);
    for (let i = 0; i < width; i++) template[i]! /= length || 1;
  }
  return templates;
}
