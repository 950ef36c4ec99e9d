import { mkdir } from 'node:fs/promises';
import type { ImageBatch, ImageSource, Json } from '@protomem/core';
import { writeFileAtomic } from '@protomem/core/node';
import { saveEncoder } from '@protomem/encoders';
import { collective, LONG_WAIT_SECONDS } from '@protomem/engine';
import { hardestPairs } from '@protomem/evaluation';
import type { PrototypeMemory } from '@protomem/memory';
import type { DoppelgangerMiner } from '@protomem/mining';
import {
  createTrainer,
  duration,
  jsonlLogger,
  type KnownIdentities,
  type Logger,
  readRunLog,
  tensorboardLogger,
} from '@protomem/training';
import {
  makeEncoder,
  makeHead,
  makeLoader,
  makeMiner,
  makeOptimizer,
  makeSchedule,
  readInitial,
  readTeacher,
} from './compose.ts';
import { parseConfig } from './config.ts';
import { duplicatesTable } from './duplicates-table.ts';
import { type DataFacts, expectedHitRate } from './hit-rate.ts';
import { watchHitRate } from './hit-watch.ts';
import { logPictures } from './log-pictures.ts';
import type { OwnParts } from './own-parts.ts';
import { type PairSet, type Verified, verifyPairs } from './pairs.ts';
import { closestLookAlikes, type HeadResult, summarizeMemory } from './results.ts';
import { mayChange, mayDiffer } from './resume-rules.ts';
import { runFolder, writeJson } from './run-folder.ts';
import type { RunConfig } from './run-schema.ts';

export interface TrainHeadOptions {
  readonly config: RunConfig;
  readonly source: ImageSource;
  readonly pairs: PairSet;
  readonly out: string;
  readonly resume: boolean;
  readonly parts: OwnParts;
  readonly signal: AbortSignal;
  /** Of the source. */
  readonly identities: KnownIdentities;
  /** Called once nothing is left that could refuse the run, before anything is written. */
  readonly onAccepted: () => Promise<void>;
  /** This head's place among the run's heads. */
  readonly position: number;
  /** Loggers beside the run's own files. Default: none. */
  readonly loggers?: () => readonly Logger[];
  readonly onStep?: (step: HeadStep) => void;
  readonly facts: DataFacts;
  /** Told of a hit rate that stays below one half, with a way to tell the loggers. */
  readonly onLowHitRate: (sentence: string, tell: (text: string) => void) => void;
}

/** Steps after which the time left is told: the first ones are slower. */
const TIMED = 10;

const timeLeft = (metrics: Readonly<Record<string, number>>): string =>
  `${(metrics['speed/images_per_second'] ?? 0).toFixed(0)} images/s: about ${duration(metrics['speed/seconds_left'] ?? 0)} to go`;

/** A step of a head in training, and the parts of the run that a page may look into. */
export interface HeadStep {
  readonly head: number;
  readonly step: number;
  readonly batch: ImageBatch;
  readonly source: ImageSource;
  readonly memory?: PrototypeMemory;
  readonly miner?: DoppelgangerMiner;
}

/**
 * Trains one head from the start, or from its newest checkpoint, and evaluates it: of several processes rank 0 alone writes
 * and evaluates.
 *
 * @returns its result, on rank 0; `'stopped'` when `signal` ended it early
 */
export async function trainHead(options: TrainHeadOptions): Promise<HeadResult | 'stopped' | undefined> {
  const { config, source, identities, pairs, out, resume, signal, position, parts, onAccepted, onStep } = options;
  const folder = runFolder(out);
  const initial = await readInitial(config);
  const encoder = makeEncoder(config, parts, initial);
  const { head, memory } = makeHead(config, source.identities, parts, { initial, teacher: await readTeacher(config) });
  const miner = makeMiner(config, source.identities);
  const optimizer = makeOptimizer(config);
  const ranks = collective();
  const loader = makeLoader(config, source, miner, ranks);
  const verify = () => verifyPairs(encoder, pairs, config.evaluation.batch);
  let verified = false;
  /** On rank 0. */
  let last: Verified | undefined;
  const loggers: Logger[] = [...(options.loggers?.() ?? [])];
  if (ranks.rank === 0) {
    const { loggers: own = [] } = parts;
    loggers.push(...(typeof own === 'function' ? own(config.head.kind) : position === 0 ? own : []));
    loggers.push(jsonlLogger(folder.log));
    if (config.log.tensorboard) loggers.push(tensorboardLogger(folder.events));
  }
  let batch: ImageBatch | undefined;
  let stepsHere = 0;
  const tell = (text: string): void => {
    for (const logger of loggers) logger.message?.(text);
  };
  const watch = watchHitRate(config, options.facts, (sentence) => options.onLowHitRate(sentence, tell));
  const trainer = createTrainer({
    encoder,
    head,
    loader,
    miner,
    collective: ranks,
    optimizer,
    schedule: makeSchedule(config),
    steps: config.steps,
    clipNorm: config.optimizer.clipNorm,
    maxWeightNorm: config.optimizer.maxWeightNorm,
    encoderBatch: config.optimizer.encoderBatch ?? undefined,
    synchronizeNorms: config.optimizer.synchronizeNorms,
    compressGradients: config.optimizer.compressGradients,
    reencode: 'reencode' in config.head ? config.head.reencode : undefined,
    seed: config.seed,
    evaluateEvery: config.evaluation.every || config.steps,
    hooks: {
      onStepEnd(event) {
        batch = event.batch;
        watch(event.step, event.metrics);
        if (++stepsHere === TIMED && event.step < config.steps) tell(timeLeft(event.metrics));
        onStep?.({ head: position, step: event.step, batch: event.batch, source, memory, miner });
      },
      async onEvaluate({ step }) {
        verified = true;
        last = await verify();
        if (!last) return undefined;
        await logPictures(loggers, { step, batch, memory, scores: last.pairScores, labels: pairs.labels });
        return {
          'evaluation/accuracy': last.accuracy,
          'evaluation/standard_error': last.standardError,
          'evaluation/tar_at_far_1e-2': last.tarAtFar.find(({ far }) => far === 1e-2)?.tar ?? Number.NaN,
        };
      },
    },
    loggers,
    checkpoints: {
      directory: folder.checkpoints,
      ...config.checkpoint,
      mayDiffer,
      mayChange,
      identities,
      upgrade: (saved) => ({ ...saved, config: parseConfig(saved.config, 'the checkpoint') as unknown as Json }),
    },
    config: config as unknown as Record<string, Json>,
  });
  try {
    // Weights that a run starts from have figures of their own; a resume puts others in their place.
    const before = initial && (await startOf(await verify()));
    ranks.barrier(LONG_WAIT_SECONDS);
    if (resume) await trainer.resume();
    await onAccepted();
    if (ranks.rank === 0) await mkdir(out, { recursive: true });
    const { stopped } = await trainer.run({ signal });
    if (stopped) return 'stopped';
    if (!verified) last = await verify();
    if (!last) {
      ranks.barrier(LONG_WAIT_SECONDS);
      return undefined;
    }
    await saveEncoder(encoder, folder.encoder);
    const { pairScores: scores, findKnown, ...verification } = last;
    const hardest = hardestPairs(scores, pairs.labels, 6);
    const withScore = (rows: readonly number[]) => rows.map((pair) => [pair, scores[pair]!] as const);
    const { seconds, steps } = await readRunLog(folder.log);
    const found = steps.flatMap(({ hitRate = [] }) => hitRate);
    const hitRates = {
      ...(found.length > 0 && { hitRate: found.reduce((sum, each) => sum + each, 0) / found.length }),
      expectedHitRate: expectedHitRate(config, options.facts),
    };
    const result: HeadResult = {
      kind: config.head.kind,
      name: head.name,
      seconds,
      steps: config.steps,
      imagesPerSecond: trainer.imagesDone / seconds,
      verification,
      known: await findKnown?.(),
      before,
      falseMatches: withScore(hardest.falseMatches),
      falseNonMatches: withScore(hardest.falseNonMatches),
      memory: memory && summarizeMemory(memory, hitRates),
      lookAlikes: memory && closestLookAlikes(memory),
      suspects: miner?.suspects(),
      skipped: [...trainer.skipped].map(([name, reason]) => ({ name, reason })),
    };
    if (miner) await writeFileAtomic(folder.duplicates, await duplicatesTable(source, miner.suspects()));
    await writeJson(folder.result, result);
    ranks.barrier(LONG_WAIT_SECONDS);
    return result;
  } finally {
    await loader.close();
    optimizer.dispose();
    head.dispose();
    encoder.dispose();
  }
}

async function startOf(found: Verified | undefined): Promise<HeadResult['before']> {
  if (!found) return undefined;
  const { findKnown, ...verified } = found;
  const { accuracy, binomialError, equalErrorRate, tarAtFar } = verified;
  return { accuracy, binomialError, equalErrorRate, tarAtFar, known: await findKnown?.() };
}
