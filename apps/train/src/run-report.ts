import { cpus, release, totalmem, type } from 'node:os';
import { basename } from 'node:path';
import type { ImageSource, Json, LookAlike } from '@protomem/core';
import { decodeImage } from '@protomem/data';
import type { FinishedRun, HeadResult, PairSet, Plan, RunConfig } from '@protomem/recipes';
import { encoderName, lossName, outcome, runFolder } from '@protomem/recipes';
import type { ReportData, ReportHead, ReportImage, ReportPair } from '@protomem/report';
import { readRunLog } from '@protomem/training';
import sharp from 'sharp';

const headNames: Readonly<Record<Exclude<RunConfig['head']['kind'], 'own'>, string>> = {
  'prototype-memory': 'Prototype Memory',
  'full-softmax': 'Full softmax',
  'partial-fc': 'Partial FC',
  dcq: 'DCQ',
  'dynamic-class-pool': 'Dynamic class pool',
  'semi-siamese': 'Semi-siamese',
  'batch-only': 'Batch only',
};

/** A head as a page calls it. */
export const headName = (kind: string): string => headNames[kind as keyof typeof headNames] ?? kind;

/** Side of a face in the report, pixels. */
const faceSide = 96;

/** Gathers what the report shows. */
export async function makeReport(run: FinishedRun): Promise<ReportData> {
  const { config, engine, source, pairs, plan, results } = run;
  const loss = lossName(config);
  const heads = await Promise.all(results.map(({ result, out }) => reportHead(result, out, pairs, source)));
  return {
    title: `${heads.map(({ name }) => name).join(' and ')} on ${config.data.kind === 'synthetic' ? 'synthetic faces' : config.recipe}`,
    summary: `${encoderName(config)} trained for ${config.steps} steps${loss === undefined ? '' : ` with the loss ${loss}`}, tested on ${testedOn(config)}.`,
    finishedAt: new Date().toISOString(),
    seconds: heads.reduce((sum, head) => sum + head.seconds, 0),
    seed: config.seed,
    protocol: pairs.protocol,
    engine,
    machine: machineFacts(),
    dataset: {
      Identities: source.identities,
      'Images a batch': config.sampler.classes * config.sampler.images,
      'Test images': pairs.names.length,
      'Test pairs': pairs.labels.length,
    },
    heads,
    plan: planSentences(plan),
    faces: await sampleFaces(source),
    config: config as unknown as Json,
    skipped: results[0]!.result.skipped,
  };
}

/** What a run said before it began, for its page. */
export const planSentences = ({ sentences, warning }: Plan): string[] => [
  ...sentences,
  ...(warning ? [`Warning: ${warning}`] : []),
];

/** Whether people of a list could be left out of training, its protocol and the run's plan say. */
function testedOn({ evaluation: { pairs } }: RunConfig): string {
  if (pairs.kind === 'lfw' || pairs.kind === 'bin') return `the pairs of ${basename(pairs.file)}`;
  return pairs.kind === 'other-images'
    ? 'other images of the people whom it was trained on'
    : 'people that it has never seen';
}

/** This machine, as reports name it. */
export function machineFacts(): ReportData['machine'] {
  return {
    CPU: cpus()[0]?.model ?? 'unknown',
    Cores: cpus().length,
    Memory: `${Math.round(totalmem() / 2 ** 30)} GiB`,
    System: `${type()} ${release()}`,
    'Node.js': process.version,
  };
}

async function reportHead(result: HeadResult, out: string, pairs: PairSet, source: ImageSource): Promise<ReportHead> {
  const log = await readRunLog(runFolder(out).log);
  const faces = (rows: HeadResult['falseMatches']): Promise<ReportPair[]> =>
    Promise.all(
      rows.map(async ([pair, score]) => ({
        first: await testFace(pairs, pairs.pairs[2 * pair]!),
        second: await testFace(pairs, pairs.pairs[2 * pair + 1]!),
        score,
      })),
    );
  return {
    name: headName(result.kind === 'own' ? result.name : result.kind),
    seconds: result.seconds,
    imagesPerSecond: result.imagesPerSecond,
    steps: log.steps,
    evaluations: log.evaluations,
    changes: log.changes,
    verification: result.verification,
    outcome: outcome(result),
    falseMatches: await faces(result.falseMatches),
    falseNonMatches: await faces(result.falseNonMatches),
    memory: result.memory,
    lookAlikes: await lookAlikes(source, result.lookAlikes ?? []),
    duplicates: await lookAlikes(
      source,
      (result.suspects ?? []).slice(0, 12).map(({ a, b, cosine }) => ({ id: a, lookAlike: b, cosine })),
    ),
  };
}

async function lookAlikes(source: ImageSource, found: readonly LookAlike[]): Promise<ReportPair[]> {
  const pairs: ReportPair[] = [];
  for (const { id, lookAlike, cosine } of found) {
    const [first, second] = [await trainingFace(source, id, 0), await trainingFace(source, lookAlike, 0)];
    if (first && second) pairs.push({ first, second, score: cosine });
  }
  return pairs;
}

/** A training image as the report shows it, named by its identity; undefined when it cannot be read. */
export async function trainingFace(
  source: ImageSource,
  identity: number,
  image: number,
): Promise<ReportImage | undefined> {
  // An unreadable image has been named in the log already.
  const loaded = await source.load(identity, image).catch(() => undefined);
  if (!loaded) return undefined;
  const { name, bytes } = loaded;
  const pixels = await decodeImage(bytes, { height: faceSide, width: faceSide, name }).catch(() => undefined);
  if (!pixels) return undefined;
  const raw = { width: faceSide, height: faceSide, channels: 3 } as const;
  return { name, bytes: await sharp(pixels, { raw }).jpeg({ quality: 85 }).toBuffer() };
}

async function testFace({ pixels: decoded, names, side }: PairSet, image: number): Promise<ReportImage> {
  const pixels = await decoded();
  const raw = { width: side, height: side, channels: 3 } as const;
  return { name: names[image]!, bytes: await sharp(pixels[image]!, { raw }).jpeg({ quality: 88 }).toBuffer() };
}

/** A few images of the first identities that have several, as they come from the source. */
async function sampleFaces(source: ImageSource, rows = 5, columns = 8): Promise<ReportData['faces']> {
  const faces: { identity: string; images: ReportImage[] }[] = [];
  for (let identity = 0; identity < source.identities && faces.length < rows && identity < 1000; identity++) {
    if (source.imagesOf(identity) < Math.min(columns, 4)) continue;
    const images: ReportImage[] = [];
    for (let image = 0; image < Math.min(columns, source.imagesOf(identity)); image++) {
      const face = await trainingFace(source, identity, image);
      if (face) images.push(face);
    }
    faces.push({ identity: source.identityName(identity), images });
  }
  return faces;
}
