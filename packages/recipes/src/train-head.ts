import { mkdir } from 'node:fs/promises';
import { type ImageBatch, type ImageSource, writeFileAtomic } from '@protomem/core';
import { saveEncoder } from '@protomem/encoders';
import { hardestPairs, type VerificationReport } from '@protomem/evaluation';
import type { PrototypeMemory, SeenLookAlike } from '@protomem/memory';
import type { DoppelgangerMiner, Suspect } from '@protomem/mining';
import { createTrainer, jsonlLogger, type Logger, sgd, tensorboardLogger } from '@protomem/training';
import { makeEncoder, makeHead, makeLoader, makeMiner, makeSchedule } from './compose.ts';
import type { RunConfig } from './config.ts';
import { duplicatesTable } from './duplicates-table.ts';
import { logPictures } from './log-pictures.ts';
import { closestRivals, type MemorySummary, reportMemory } from './memory-summary.ts';
import { type PairSet, verifyPairs } from './pairs.ts';
import { runFolder, writeJson } from './run-folder.ts';
import { readRunLog } from './run-log.ts';

/** What training one head gave: plain data, kept in `result.json`. */
export interface HeadResult {
  readonly kind: RunConfig['head']['kind'];
  readonly name: string;
  readonly seconds: number;
  readonly steps: number;
  readonly imagesPerSecond: number;
  readonly verification: VerificationReport;
  /** Positions in the pair list, and the scores there. */
  readonly falseMatches: readonly (readonly [pair: number, score: number])[];
  readonly falseNonMatches: readonly (readonly [pair: number, score: number])[];
  readonly memory?: MemorySummary;
  /** Training identities that looked most alike late in training. */
  readonly rivals?: readonly SeenLookAlike[];
  /** Training identities that may be one person, the most alike first; of runs with a miner. */
  readonly suspects?: readonly Suspect[];
  readonly skipped: readonly { readonly name: string; readonly reason: string }[];
}

export interface TrainHeadOptions {
  readonly config: RunConfig;
  readonly source: ImageSource;
  readonly pairs: PairSet;
  readonly out: string;
  readonly resume: boolean;
  readonly signal: AbortSignal;
  /** This head's place among the run's heads. */
  readonly position: number;
  /** Loggers beside the run's own files. Default: none. */
  readonly loggers?: () => readonly Logger[];
  readonly onStep?: (step: HeadStep) => void;
}

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
 * Trains one head from the start, or from its newest checkpoint, and evaluates it.
 *
 * @returns its result; `undefined` when `signal` ended it early.
 */
export async function trainHead(options: TrainHeadOptions): Promise<HeadResult | undefined> {
  const { config, source, pairs, out, resume, signal, position, onStep } = options;
  const folder = runFolder(out);
  await mkdir(out, { recursive: true });
  const encoder = makeEncoder(config);
  const { head, memory } = makeHead(config, source.identities);
  const miner = makeMiner(config, source.identities);
  const loader = makeLoader(config, source, miner?.minedClasses);
  const verify = () => verifyPairs(encoder, pairs, config.evaluation.batch);
  let last: Awaited<ReturnType<typeof verify>> | undefined;
  const loggers: Logger[] = [...(options.loggers?.() ?? []), jsonlLogger(folder.log)];
  if (config.log.tensorboard) loggers.push(tensorboardLogger(folder.events));
  let batch: ImageBatch | undefined;
  const trainer = createTrainer({
    encoder,
    head,
    loader,
    miner,
    optimizer: sgd({ momentum: config.optimizer.momentum, weightDecay: config.optimizer.weightDecay }),
    schedule: makeSchedule(config),
    steps: config.steps,
    clipNorm: config.optimizer.clipNorm,
    encoderBatch: config.optimizer.encoderBatch ?? undefined,
    seed: config.seed,
    evaluateEvery: config.evaluation.every || config.steps,
    hooks: {
      onStepEnd(event) {
        batch = event.batch;
        onStep?.({ head: position, step: event.step, batch: event.batch, source, memory, miner });
      },
      async onEvaluate({ step }) {
        last = await verify();
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
      mayDiffer: ['engine', 'loader', 'checkpoint', 'log', 'evaluation', 'rivals', 'data.path'],
    },
    config,
  });
  try {
    if (resume) await trainer.resume();
    const { stopped } = await trainer.run({ signal });
    if (stopped) return undefined;
    await saveEncoder(encoder, folder.encoder);
    last ??= await verify();
    const { pairScores: scores, ...verification } = last;
    const hardest = hardestPairs(scores, pairs.labels, 6);
    const withScore = (rows: readonly number[]) => rows.map((pair) => [pair, scores[pair]!] as const);
    const { seconds } = await readRunLog(folder.log);
    const result: HeadResult = {
      kind: config.head.kind,
      name: head.name,
      seconds,
      steps: config.steps,
      imagesPerSecond: (config.steps * loader.batchSize) / seconds,
      verification,
      falseMatches: withScore(hardest.falseMatches),
      falseNonMatches: withScore(hardest.falseNonMatches),
      memory: memory && reportMemory(memory),
      rivals: memory && closestRivals(memory),
      suspects: miner?.suspects(),
      skipped: [...trainer.skipped].map(([name, reason]) => ({ name, reason })),
    };
    if (miner) await writeFileAtomic(folder.duplicates, await duplicatesTable(source, miner.suspects()));
    await writeJson(folder.result, result);
    return result;
  } finally {
    await loader.close();
    head.dispose();
    encoder.dispose();
  }
}
