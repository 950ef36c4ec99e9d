import { check, type ImageBatch, integer, Random, type Settings, type Stateful } from '@protomem/core';
import type { Parameter } from '@protomem/core/contracts';
import { alone, checkNames, globalNorm, parametersState, restoreParameters } from '@protomem/engine';
import * as tf from '@tensorflow/tfjs';
import type { createCheckpointer } from './checkpointer.ts';
import { clipByGlobalNorm } from './clip.ts';
import { type Differentiated, differentiate, seedOfPart } from './differentiate.ts';
import {
  checkFiniteStep,
  checkFiniteWeights,
  checkWeightNorm,
  explainNotFinite,
  explainOutOfMemory,
} from './finite-checks.ts';
import { nextTurn } from './next-turn.ts';
import { ranksOf } from './ranks.ts';
import { describeChange, type RecipeChange } from './recipe.ts';
import { createReencoder } from './reencode.ts';
import { createThroughput } from './throughput.ts';
import type { RunResult, Trainer, trainerOptions } from './trainer-options.ts';

/**
 * Trains an encoder and its head: what `createTrainer` does, see there.
 *
 * @param checkpointerOf keeps and restores the run, where there are files
 */
export function trainerOf(
  settings: Settings<typeof trainerOptions>,
  checkpointerOf: typeof createCheckpointer,
): Trainer {
  const { encoder, head, loader, miner, optimizer, schedule, steps, clipNorm, hooks, loggers, seed, config } = settings;
  const {
    maxWeightNorm,
    evaluateEvery = steps,
    reencode = {},
    compareEvery,
    synchronizeNorms,
    compressGradients,
  } = settings;
  const ranks = ranksOf(settings.collective ?? alone, loader.batchSize, compressGradients);
  const encoderBatch =
    settings.encoderBatch === undefined
      ? integer('createTrainer', "the loader's batchSize, of one process", loader.batchSize, 2)
      : integer('createTrainer', 'encoderBatch', settings.encoderBatch, 2);
  // Ranks may differ by an image, and then by a part.
  check(!synchronizeNorms || encoderBatch >= loader.batchSize, () => ({
    where: 'createTrainer',
    what: 'encoderBatch',
    got: encoderBatch,
    expected: 'none together with synchronizeNorms, which normalizes whole batches',
  }));
  check(!miner || head.lastLookAlikes !== undefined, () => ({
    where: 'createTrainer',
    what: `lastLookAlikes of the head ${head.name}`,
    got: 'missing',
    expected: 'a function, for the miner to learn who looks like whom',
    fix: 'Use a head that has it, such as prototypeHead, or leave the miner out.',
  }));
  check(!head.commonState || ranks.size > 1, () => ({
    where: 'createTrainer',
    what: 'collective',
    got: 'missing, or of one process',
    expected: `the one that the head ${head.name} is divided among`,
  }));
  const reencoder = createReencoder('createTrainer', reencode, { encoder, head, loader, encoderBatch, seed });
  const parameters = [...under('encoder', encoder.parameters), ...under('head', head.parameters)];
  checkNames('createTrainer', parameters);
  const trainable = parameters.filter((parameter) => parameter.trainable);
  const throughput = createThroughput();

  let stepsDone = 0;
  let imagesDone = 0;
  let stopping = false;
  let lastBatch: ImageBatch | undefined;
  /** Of a resume, until the loggers have started. */
  let changes: readonly RecipeChange[] = [];
  /** Some rank was asked to stop, as all of them know. */
  let stopAgreed = false;
  /** No batch could be had: nothing has happened since the last step. */
  let outOfData = false;
  const skipped = new Map<string, string>();

  async function step(signal?: AbortSignal): Promise<Record<string, number>> {
    const begun = performance.now();
    const own = await loader.next().catch((error: unknown) => {
      outOfData = true;
      throw error;
    });
    const { batch, stop } = ranks.whole(own, wantsStop(signal));
    stopAgreed = stop;
    lastBatch = batch;
    const waiting = performance.now() - begun;

    const learningRate = schedule(stepsDone);
    check(Number.isFinite(learningRate) && learningRate >= 0, () => ({
      where: `step ${stepsDone + 1}`,
      what: `the learning rate, schedule(${stepsDone})`,
      got: learningRate,
      expected: 'a finite number >= 0',
    }));
    const { loss, norm, gradients } = gradientsOf(batch, own, learningRate);
    const weightNorm = normOfWeights();
    try {
      const [lossValue, gradientNorm, weights] = await readScalars([loss, norm, weightNorm]);
      checkWeightNorm(`step ${stepsDone + 1}`, weights, maxWeightNorm);
      checkFiniteStep({ step: stepsDone + 1, loss: lossValue, gradientNorm, learningRate, batch: own });
      tf.tidy(() => {
        const clipped = clipNorm === undefined ? gradients : clipByGlobalNorm(gradients, gradientNorm, clipNorm);
        optimizer.step(trainable, clipped, learningRate);
        head.afterStep?.({ encoder, learningRate });
      });
      miner?.observe(head.lastLookAlikes!(), head.lastEvicted?.(), batch.images);
      stepsDone++;
      imagesDone += batch.labels.length;
      nameSkipped(batch.skipped);
      const reencoded = await reencoder(stepsDone);
      if (reencoded) nameSkipped(reencoded.skipped);
      const seconds = (performance.now() - begun) / 1000;
      throughput.add(batch.labels.length, seconds, waiting / 1000);
      const together: Record<string, number> = ranks.size > 1 ? { 'speed/ranks_share': ranks.waited() / seconds } : {};
      return { ...together, ...metrics(lossValue, gradientNorm, learningRate), ...reencoded?.metrics };
    } finally {
      tf.dispose([loss, norm, gradients, weightNorm]);
    }
  }

  const wantsStop = (signal?: AbortSignal): boolean => stopping || signal?.aborted === true;

  const normOfWeights = (): tf.Scalar => globalNorm(trainable.map(({ variable }) => variable));

  /** @param own what of the batch is of this process, for messages */
  function gradientsOf(batch: ImageBatch, own: ImageBatch, learningRate: number): Differentiated {
    const random = seedOfPart(new Random(seed, stepsDone).uint32() >>> 1, 0, ranks.rank);
    try {
      const more = { seed: random, encoderBatch, synchronizeNorms, ranks };
      return differentiate({ encoder, head, parameters: trainable, batch, ...more });
    } catch (error) {
      const step = stepsDone + 1;
      throw explainOutOfMemory(explainNotFinite(error, { step, learningRate, batch: own }), step, own.labels.length);
    }
  }

  async function run({ signal }: { readonly signal?: AbortSignal } = {}): Promise<RunResult> {
    await checkpointer?.checkFolder(stepsDone);
    const { batchesPerEpoch } = loader;
    const { batchSize } = ranks;
    let saved = stepsDone;
    try {
      for (const logger of loggers) await logger.start?.({ step: stepsDone, steps, batchSize, batchesPerEpoch });
      if (changes.length > 0) for (const logger of loggers) logger.changes?.(changes, stepsDone);
      changes = [];
      hear(await hooks.onStart?.({ step: stepsDone, steps }));
      await compare();
      while (stepsDone < steps && !(ranks.size === 1 ? wantsStop(signal) : stopAgreed)) {
        const found = await step(signal);
        log(found);
        if (stepsDone % compareEvery === 0) await compare();
        // On a synchronous backend nothing else yields: timers, signals and the decoders need a turn.
        await nextTurn();
        hear(await hooks.onStepEnd?.({ step: stepsDone, metrics: found, batch: lastBatch! }));
        if (hooks.onEvaluate && (stepsDone % evaluateEvery === 0 || stepsDone === steps)) {
          ranks.averageStatistics(encoder);
          const answer = await hooks.onEvaluate({ step: stepsDone });
          ranks.waitForAll();
          if (typeof answer === 'object') log(answer);
          else hear(answer);
        }
        if (checkpointer && stepsDone % checkpointer.every === 0) saved = await save();
      }
      if (stepsDone > saved) await save();
      const result = { step: stepsDone, stopped: stepsDone < steps };
      await hooks.onEnd?.(result);
      return result;
    } catch (error) {
      // The other ranks have batches, and are in the next step already.
      if (outOfData && checkpointer && stepsDone > 0 && ranks.size === 1) {
        if (stepsDone > saved) await save();
        say(`Stopped with a checkpoint at step ${stepsDone}.`);
      }
      throw error;
    } finally {
      stopping = outOfData = stopAgreed = false;
      for (const logger of loggers) await logger.close();
    }
  }

  async function save(): Promise<number> {
    const norm = normOfWeights();
    const [value] = await readScalars([norm]);
    norm.dispose();
    // Says which one it is, where a weight is no number.
    if (!Number.isFinite(value)) checkFiniteWeights(stepsDone, await parametersState(trainable));
    checkWeightNorm(`checkpoint of step ${stepsDone}`, value, maxWeightNorm);
    await compare();
    ranks.averageStatistics(encoder);
    await ranks.onFirst(
      async () => {
        const path = await checkpointer?.save(stepsDone);
        if (path) hear(await hooks.onCheckpoint?.({ step: stepsDone, path }));
      },
      // The state of a head that is divided takes all of them.
      checkpointer && head.commonState && (() => head.state()),
    );
    return stepsDone;
  }

  async function resume(): Promise<number> {
    // What is damaged is set aside by the first.
    const restored = await ranks.firstThenOthers(async () => checkpointer?.restore(say));
    ranks.checkSame('resume', 'the step of the checkpoint', String(restored?.step), sameFolder);
    if (!restored) return stepsDone;
    ({ step: stepsDone, changes } = restored);
    // Checkpoints of earlier releases do not say.
    imagesDone ||= stepsDone * ranks.batchSize;
    if (changes.length > 0) say(`From step ${stepsDone} on, otherwise: ${changes.map(describeChange).join('; ')}.`);
    return stepsDone;
  }

  /** Throws where the ranks are not, or no longer, at one. */
  async function compare(): Promise<void> {
    if (ranks.size === 1) return;
    const { encoder: _, trainer: __, ...same } = parts;
    const trained = { state: () => parametersState(trainable) };
    const common = { state: () => head.commonState?.() ?? head.state() };
    await ranks.checkEqual(stepsDone, { weights: trained, ...same, head: common });
  }

  const log = (found: Readonly<Record<string, number>>): void => {
    for (const logger of loggers) logger.log(found, stepsDone);
  };
  const say = (text: string): void => {
    for (const logger of loggers) logger.message?.(text);
  };
  const hear = (answer: unknown): void => {
    if (answer === 'stop') stopping = true;
  };

  function nameSkipped(images: ImageBatch['skipped']): void {
    for (const { name, reason } of images) {
      if (!skipped.has(name)) say(`Left out: ${name}: ${reason}`);
      skipped.set(name, reason);
    }
  }

  function metrics(loss: number, gradientNorm: number, learningRate: number): Record<string, number> {
    const found: Record<string, number> = {
      'train/loss': loss,
      'train/gradient_norm': gradientNorm,
      'train/learning_rate': learningRate,
      'progress/epoch': stepsDone / loader.batchesPerEpoch,
      'speed/images_per_second': throughput.imagesPerSecond(),
      'speed/waiting_share': throughput.waitingShare(),
      'speed/step_seconds': throughput.lastStepSeconds(),
      'speed/seconds_left': (steps - stepsDone) * throughput.secondsPerStep(),
      ...residentMemory(),
      'memory/tensors': tf.memory().numTensors,
      'data/skipped_images': skipped.size,
    };
    for (const [name, value] of Object.entries(head.metrics())) found[`head/${name}`] = value;
    for (const [name, value] of Object.entries(miner?.metrics() ?? {})) found[`miner/${name}`] = value;
    return found;
  }

  const own: Stateful = {
    state: () => ({
      values: { skipped: Object.fromEntries(skipped), engine: tf.getBackend(), imagesDone },
      tensors: {},
    }),
    restore({ values }) {
      imagesDone = (values.imagesDone as number | undefined) ?? 0;
      for (const [name, reason] of Object.entries(values.skipped as Record<string, string>)) skipped.set(name, reason);
      if (values.engine !== tf.getBackend()) {
        say(
          `The checkpoint is from engine ${values.engine}: on ${tf.getBackend()} its run goes on, but not bit for bit.`,
        );
      }
    },
  };
  const recipe = {
    encoder: { ...encoder.card },
    head: head.name,
    optimizer: { name: optimizer.name, ...optimizer.options },
    batchSize: ranks.batchSize,
    steps,
    seed,
    clipNorm: clipNorm ?? null,
    ...(encoderBatch < loader.batchSize ? { encoderBatch } : {}),
    ...(synchronizeNorms ? { synchronizeNorms } : {}),
    ...(compressGradients ? { compressGradients } : {}),
    ...(reencode.every ? { reencode: { ...reencode } } : {}),
    config,
  };
  const weights: Stateful = {
    async state() {
      const state = await parametersState(encoder.parameters);
      checkFiniteWeights(stepsDone, state);
      return state;
    },
    restore: (state) => restoreParameters("resume: the checkpoint's encoder", encoder.parameters, state),
  };
  const parts = { encoder: weights, head, loader, optimizer, trainer: own, ...(miner && { miner }) };
  ranks.checkRecipe(recipe);
  const checkpointer = settings.checkpoints && checkpointerOf(settings.checkpoints, recipe, parts);

  return {
    get stepsDone() {
      return stepsDone;
    },
    get imagesDone() {
      return imagesDone;
    },
    skipped,
    resume,
    step: () => step(),
    run,
    stop() {
      stopping = true;
    },
  };
}

const sameFolder = 'All ranks have to see one folder of checkpoints: on several machines, one that they share.';

async function readScalars<const T extends readonly tf.Scalar[]>(scalars: T): Promise<{ [K in keyof T]: number }> {
  const all = tf.tidy(() => tf.stack([...scalars]));
  const values = await all.data();
  all.dispose();
  return Array.from(values) as { [K in keyof T]: number };
}

/** Parameters with their part's name in front: unique over the parts. */
function under(part: string, parameters: readonly Parameter[]): Parameter[] {
  return parameters.map((parameter) => ({ ...parameter, name: `${part}/${parameter.name}` }));
}

/** Nothing tells it in a browser. */
function residentMemory(): Record<string, number> {
  const { process } = globalThis as { process?: NodeJS.Process };
  return process?.memoryUsage ? { 'memory/resident_mib': process.memoryUsage.rss() / 2 ** 20 } : {};
}
