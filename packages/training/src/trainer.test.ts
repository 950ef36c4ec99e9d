import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Miner, ProtomemError, Random } from '@protomem/core';
import type { Encoder, Head, Parameter } from '@protomem/core/contracts';
import { alone, type Collective, registerTrainingKernels } from '@protomem/engine';
import { enginesAtHand, useEngine } from '@protomem/engine/testing';
import * as tf from '@tensorflow/tfjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { tinyEncoder, tinyHead, tinyLoader } from '../fixtures/tiny-parts.ts';
import { adamW } from './adam-w.ts';
import { createTrainer } from './create-trainer.ts';
import type { Hooks } from './hooks.ts';
import type { Logger } from './logger.ts';
import type { Recipe } from './recipe.ts';
import { cosine } from './schedules.ts';
import { sgd } from './sgd.ts';
import type { Trainer, TrainerOptions } from './trainer-options.ts';

const STEPS = 12;

interface Run {
  readonly trainer: Trainer;
  readonly encoder: Encoder;
  readonly head: Head;
}

function tinyRun(options: Partial<TrainerOptions> = {}): Run {
  const encoder = options.encoder ?? tinyEncoder();
  const head = options.head ?? tinyHead();
  const trainer = createTrainer({
    encoder,
    head,
    loader: tinyLoader(),
    optimizer: sgd({ nesterov: true }),
    schedule: cosine({ base: 0.1, warmup: 3, steps: STEPS }),
    steps: STEPS,
    clipNorm: 0.5,
    seed: 5,
    ...options,
  });
  return { trainer, encoder, head };
}

async function values(...parts: { readonly parameters: readonly Parameter[] }[]): Promise<number[][]> {
  const variables = parts.flatMap((part) => part.parameters.map((parameter) => parameter.variable));
  return Promise.all(variables.map(async (variable) => Array.from(await variable.data())));
}

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'protomem-training-'));
});
afterEach(() => rm(directory, { recursive: true }));

for (const engine of await enginesAtHand()) {
  describe(`a run on ${engine}`, () => {
    beforeEach(async () => {
      await useEngine(engine);
      registerTrainingKernels(tf.getBackend());
    });

    it('learns, and leaves no tensors behind', async () => {
      const { trainer } = tinyRun({ optimizer: adamW(), schedule: () => 0.02, steps: 60 });
      const first = await trainer.step();
      await trainer.step();
      const tensors = tf.memory().numTensors;
      let last = first;
      while (trainer.stepsDone < 60) last = await trainer.step();
      expect(last['train/loss']).toBeLessThan(0.6 * first['train/loss']!);
      expect(tf.memory().numTensors).toBe(tensors);
      expect(last['head/seen']).toBe(360);
      expect(last['progress/epoch']).toBe(6);
    });

    for (const optimizer of [() => sgd({ nesterov: true }), () => adamW()]) {
      it(`resumed with ${optimizer().name}, equals one that was never interrupted, bit for bit`, async () => {
        const whole = tinyRun({ optimizer: optimizer() });
        await whole.trainer.run();
        const checkpoints = { directory, every: 5 };
        const first = tinyRun({
          optimizer: optimizer(),
          checkpoints,
          hooks: { onStepEnd: ({ step }) => (step === 7 ? 'stop' : undefined) },
        });
        expect(await first.trainer.run()).toEqual({ step: 7, stopped: true });
        expect(await readdir(directory)).toEqual([
          'checkpoint-00000005.safetensors',
          'checkpoint-00000007.safetensors',
        ]);
        const second = tinyRun({ optimizer: optimizer(), checkpoints });
        expect(await second.trainer.resume()).toBe(7);
        expect(await second.trainer.run()).toEqual({ step: STEPS, stopped: false });
        expect(await values(second.encoder, second.head)).toEqual(await values(whole.encoder, whole.head));
        expect(second.head.metrics()).toEqual(whole.head.metrics());
      });
    }
  });
}

describe('a run', () => {
  beforeEach(() => useEngine('cpu'));

  it('tells a miner what the head saw after each step, and saves and logs it', async () => {
    const told: unknown[] = [];
    const minerOf = (): Miner => {
      let steps = 0;
      return {
        observe(lookAlikes, gone, images) {
          steps++;
          told.push([lookAlikes, gone, images]);
        },
        metrics: () => ({ steps }),
        state: () => ({ values: { steps }, tensors: {} }),
        restore({ values }) {
          steps = values.steps as number;
        },
      };
    };
    const seeing = (): Head => {
      const head = tinyHead();
      return {
        ...head,
        lastLookAlikes: () => [{ id: head.metrics().seen!, lookAlike: 1, cosine: 0.5 }],
        lastEvicted: () => [7],
      };
    };
    const checkpoints = { directory, every: 2 };
    const first = tinyRun({ head: seeing(), miner: minerOf(), checkpoints });
    await first.trainer.step();
    expect((await first.trainer.step())['miner/steps']).toBe(2);
    const imagesOf = (batch: number): Float64Array => Float64Array.from({ length: 6 }, (_, i) => 10 * batch + i);
    expect(told).toEqual([6, 12].map((id, i) => [[{ id, lookAlike: 1, cosine: 0.5 }], [7], imagesOf(i + 1)]));
    await first.trainer.run();
    const second = tinyRun({ head: seeing(), miner: minerOf(), checkpoints, steps: STEPS });
    expect(await second.trainer.resume()).toBe(STEPS);
    expect((await second.trainer.step())['miner/steps']).toBe(STEPS + 1);
    expect(() => tinyRun({ miner: minerOf() })).toThrow(/createTrainer: lastLookAlikes of the head .* is "missing"/);
    const divided = { ...tinyHead(), commonState: () => ({ values: {}, tensors: {} }) };
    expect(() => tinyRun({ head: divided })).toThrow(
      'createTrainer: collective is "missing, or of one process", expected the one that the head',
    );
  });

  it('refuses a loss that is not finite, names the batch and takes no step', async () => {
    const head = tinyHead();
    const poisoned: Head = {
      ...head,
      loss: (embeddings, labels) => tf.div(head.loss(embeddings, labels), labels[0]! < 0 ? 0 : 1) as tf.Tensor1D,
    };
    const { trainer, encoder } = tinyRun({
      head: poisoned,
      loader: tinyLoader({ poisonAt: 4 }),
      checkpoints: { directory, every: 2 },
    });
    for (let i = 0; i < 3; i++) await trainer.step();
    const trainable = { parameters: encoder.parameters.filter((parameter) => parameter.trainable) };
    const before = await values(trainable, head);
    const tensors = tf.memory().numTensors;
    await expect(trainer.step()).rejects.toThrow(
      /step 4: the loss is NaN, expected a finite number\. Learning rate 0\.1; images class\d\/4-0\.jpg \(identity -1\), .*6 in all/,
    );
    expect(await values(trainable, head)).toEqual(before);
    expect(tf.memory().numTensors).toBe(tensors);
    expect(trainer.stepsDone).toBe(3);
  });

  it('says the same of embeddings that a head refuses for not being finite', async () => {
    const encoder = tinyEncoder();
    const refused = {
      where: 'memory.loss',
      what: 'embedding 2 of 6',
      got: 'of length NaN',
      expected: 'finite',
      fix: 'Look.',
    };
    const cause = new ProtomemError(refused);
    const loss = (): never => {
      throw cause;
    };
    const poisoned = tinyRun({ encoder, head: { ...tinyHead(), loss } });
    const error: ProtomemError = await poisoned.trainer.step().then(
      () => expect.unreachable(),
      (found) => found,
    );
    expect(error.message).toMatch(
      /^step 1: memory\.loss: embedding 2 of 6 is "of length NaN", expected finite\. Look\. Learning rate 0\.03\d*; images class\d\/1-0\.jpg \(identity \d\), .*6 in all\. The step was not taken/,
    );
    expect(error.cause).toBe(cause);
    const other = new ProtomemError({ ...refused, got: [6, 3] });
    const refusing = (): never => {
      throw other;
    };
    await expect(tinyRun({ head: { ...tinyHead(), loss: refusing } }).trainer.step()).rejects.toBe(other);
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, -0.1])(
    'refuses a learning rate of %d, and takes no step',
    async (rate) => {
      const { trainer, head } = tinyRun({ schedule: (step) => (step < 1 ? 0.1 : rate) });
      await trainer.step();
      await expect(trainer.step()).rejects.toThrow(
        `step 2: the learning rate, schedule(1) is ${rate}, expected a finite number >= 0.`,
      );
      expect(head.metrics().seen).toBe(6);
    },
  );

  it('draws dropout of its own for each part of each rank, and for one alone that of the step', async () => {
    const seedsOf = async (rank: number, size: number, encoderBatch: number): Promise<number[]> => {
      const encoder = tinyEncoder();
      const seeds = new Set<number>();
      const apply: Encoder['apply'] = (images, options) => {
        seeds.add(options!.seed!);
        return encoder.apply(images, options);
      };
      // The other process has the same: what the two tell each other has a half of each.
      const both = (one: tf.Tensor): tf.Tensor => tf.add(one, tf.concat(tf.split(one, 2).reverse()));
      const collective: Collective = {
        ...{ ...alone, rank, size },
        allReduce: <T extends tf.Tensor>(tensors: readonly T[]) =>
          tensors.map((one) => (one.dtype === 'int32' ? (both(one) as T) : tf.clone(one))),
        allGather: <T extends tf.Tensor>(tensor: T) => tf.concat([tensor as tf.Tensor, tensor as tf.Tensor]) as T,
      };
      const { trainer } = tinyRun({ encoder: { ...encoder, apply }, encoderBatch, ...(size > 1 && { collective }) });
      await trainer.step();
      return [...seeds];
    };
    const step = new Random(5, 0).uint32() >>> 1;
    expect(await seedsOf(0, 1, 6)).toEqual([step]);
    expect(await seedsOf(0, 1, 2)).toEqual([step, step + 1, step + 2]);
    const all = [...(await seedsOf(0, 2, 2)), ...(await seedsOf(1, 2, 2))];
    expect(new Set(all).size).toBe(6);
  });

  it('refuses a gradient that is not finite though the loss is', async () => {
    const head = tinyHead();
    const steep = tf.customGrad((x) => ({
      value: tf.clone(x as tf.Tensor),
      gradFunc: (dy) => tf.mul(dy as tf.Tensor, Number.POSITIVE_INFINITY),
    }));
    const { trainer } = tinyRun({
      head: { ...head, loss: (embeddings, labels) => head.loss(steep(embeddings) as tf.Tensor2D, labels) },
    });
    await expect(trainer.step()).rejects.toThrow(/step 1: the gradient norm is (Infinity|NaN)/);
  });

  it('saves a checkpoint when its data ends, and goes on from there', async () => {
    const loader = tinyLoader();
    const next = loader.next.bind(loader);
    let left = 4;
    const ending = { ...loader, next: () => (left-- > 0 ? next() : Promise.reject(new Error('unmounted'))) };
    const said: string[] = [];
    const logger: Logger = { log: () => undefined, close: () => undefined, message: (text) => said.push(text) };
    const checkpoints = { directory, every: 100 };
    const { trainer } = tinyRun({ loader: ending, checkpoints, loggers: [logger] });
    await expect(trainer.run()).rejects.toThrow('unmounted');
    expect(await readdir(directory)).toEqual(['checkpoint-00000004.safetensors']);
    expect(said).toContain('Stopped with a checkpoint at step 4.');
    const [whole, resumed] = [tinyRun(), tinyRun({ checkpoints })];
    await whole.trainer.run();
    await resumed.trainer.resume();
    await resumed.trainer.run();
    expect(await values(resumed.encoder, resumed.head)).toEqual(await values(whole.encoder, whole.head));
  });

  it('stops when weights grow beyond maxWeightNorm, and keeps the last good checkpoint', async () => {
    const encoder = tinyEncoder();
    const checkpoints = { directory, every: 2 };
    const grow = ({ step }: { step: number }): void => {
      if (step !== 5) return;
      const { variable } = encoder.parameters.at(-1)!;
      tf.tidy(() => variable.assign(tf.mul(variable, 1e18)));
    };
    await expect(tinyRun({ encoder, checkpoints, hooks: { onStepEnd: grow } }).trainer.run()).rejects.toThrow(
      /step 6: the norm of all trainable weights is \d.*, expected at most 1000000 \(maxWeightNorm\)/,
    );
    expect(await readdir(directory)).toEqual(['checkpoint-00000002.safetensors', 'checkpoint-00000004.safetensors']);
    // A last step that did it is found when its checkpoint is to be written.
    const last = { onStepEnd: ({ step }: { step: number }) => grow({ step: step + 4 }) };
    const once = tinyRun({
      encoder,
      steps: 1,
      hooks: last,
      checkpoints: { ...checkpoints, directory: `${directory}/1` },
    });
    await expect(once.trainer.run()).rejects.toThrow(
      /(step 1|checkpoint of step 1): the norm of all trainable weights/,
    );
  });

  it('leaves the statistics of a frozen encoder as they are', async () => {
    const whole = tinyEncoder();
    const parameters = whole.parameters.map((parameter) => ({ ...parameter, trainable: false }));
    const before = await values(whole);
    const { trainer, head } = tinyRun({ encoder: { ...whole, parameters } });
    const weights = await values(head);
    await trainer.run();
    expect(await values(whole)).toEqual(before);
    expect(await values(head)).not.toEqual(weights);
  });

  it('trains a head on a frozen encoder whose weights are no parameters, as those of Partial FC', async () => {
    const whole = tinyEncoder();
    const parameters = whole.parameters.map((parameter) => ({ ...parameter, trainable: false }));
    let seen = 0;
    const own = tf.customGrad((x) => ({
      value: tf.clone(x as tf.Tensor),
      gradFunc: (dy) => {
        seen += (dy as tf.Tensor).size;
        return dy as tf.Tensor;
      },
    }));
    const plain = tinyHead();
    const loss: Head['loss'] = (embeddings, labels) => plain.loss(own(embeddings) as tf.Tensor2D, labels);
    const { trainer } = tinyRun({ encoder: { ...whole, parameters }, head: { ...plain, parameters: [], loss } });
    expect(await trainer.step()).toMatchObject({ 'train/gradient_norm': 0 });
    expect(seen).toBeGreaterThan(0);
  });

  it('says what to lower when memory runs out', async () => {
    const loss = (): never => {
      throw new Error('OOM when allocating tensor with shape[1]');
    };
    await expect(tinyRun({ head: { ...tinyHead(), loss } }).trainer.step()).rejects.toThrow(
      /step 1: memory for a batch of 6 images is "not to be had \(OOM when .* Lower encoderBatch/,
    );
  });

  it('never saves weights that are not finite over good ones', async () => {
    // Finite, but not as a float32.
    const schedule = (step: number) => (step < 3 ? 0.1 : 1e300);
    const { trainer } = tinyRun({ schedule, checkpoints: { directory, every: 2 } });
    await expect(trainer.run()).rejects.toThrow(/^checkpoint of step 4: element \d+ of ".*" is -?(NaN|Infinity)/);
    expect(await readdir(directory)).toEqual(['checkpoint-00000002.safetensors']);
  });

  it('nor those of a head', async () => {
    const head = tinyHead();
    const onStepEnd = ({ step }: { step: number }): void => {
      const { variable } = head.parameters[0]!;
      if (step === 4) tf.tidy(() => variable.assign(tf.fill(variable.shape, Number.NaN)));
    };
    const checkpoints = { directory, every: 2, keep: 1 };
    await expect(tinyRun({ head, checkpoints, hooks: { onStepEnd } }).trainer.run()).rejects.toThrow(
      /^checkpoint of step 4: element 0 of "head\/.*" is NaN/,
    );
    expect(await readdir(directory)).toEqual(['checkpoint-00000002.safetensors']);
  });

  it('calls hooks in order, waits for them and passes their errors on', async () => {
    const events: string[] = [];
    const note = async (text: string) => {
      await new Promise((resolve) => setTimeout(resolve, 1));
      events.push(text);
    };
    const logger: Logger = {
      start: ({ step, steps }) => void events.push(`log starts ${step}/${steps}`),
      log: (metrics, step) =>
        void events.push(`log ${step} ${'train/loss' in metrics ? 'step' : JSON.stringify(metrics)}`),
      message: (text) => void events.push(text),
      close: () => void events.push('log closes'),
    };
    const { trainer } = tinyRun({
      steps: 3,
      evaluateEvery: 2,
      checkpoints: { directory, every: 2 },
      loggers: [logger],
      hooks: {
        onStart: ({ step }) => note(`start ${step}`),
        onStepEnd: ({ step }) => note(`step ${step}`),
        onEvaluate: async ({ step }) => {
          await note(`evaluate ${step}`);
          return { 'test/accuracy': 0.5 };
        },
        onCheckpoint: ({ step }) => note(`checkpoint ${step}`),
        onEnd: ({ stopped }) => note(`end ${stopped}`),
      },
    });
    await trainer.run();
    expect(events).toEqual([
      'log starts 0/3',
      'start 0',
      'log 1 step',
      'step 1',
      'Left out: bad.jpg: cut short',
      'log 2 step',
      'step 2',
      'evaluate 2',
      'log 2 {"test/accuracy":0.5}',
      'checkpoint 2',
      'log 3 step',
      'step 3',
      'evaluate 3',
      'log 3 {"test/accuracy":0.5}',
      'checkpoint 3',
      'end false',
      'log closes',
    ]);
    const failing = tinyRun({
      loggers: [logger],
      hooks: {
        onStepEnd: async () => {
          throw new Error('no such thing');
        },
      },
    });
    await expect(failing.trainer.run()).rejects.toThrow('no such thing');
    expect(events.at(-1)).toBe('log closes');
  });

  it('stops after the step under way, by stop() or a signal, and saves', async () => {
    const controller = new AbortController();
    const byStop = tinyRun({
      checkpoints: { directory: join(directory, 'a'), every: 100 },
      hooks: { onStepEnd: ({ step }) => (step === 2 ? byStop.trainer.stop() : undefined) },
    });
    const bySignal = tinyRun({
      checkpoints: { directory: join(directory, 'b'), every: 100 },
      hooks: { onStepEnd: ({ step }) => (step === 3 ? controller.abort() : undefined) },
    });
    expect(await byStop.trainer.run()).toEqual({ step: 2, stopped: true });
    expect(await bySignal.trainer.run({ signal: controller.signal })).toEqual({ step: 3, stopped: true });
    expect(await readdir(join(directory, 'a'))).toEqual(['checkpoint-00000002.safetensors']);
    expect(await readdir(join(directory, 'b'))).toEqual(['checkpoint-00000003.safetensors']);
    // A stopped trainer can go on where it is.
    expect(await byStop.trainer.run()).toEqual({ step: STEPS, stopped: false });
  });

  it('gives timers and signals a turn, however busy it is', async () => {
    const { trainer } = tinyRun({ steps: 100_000 });
    setTimeout(() => trainer.stop(), 20);
    expect((await trainer.run()).stopped).toBe(true);
  });

  it('keeps count of images that could not be read, over a resume', async () => {
    const checkpoints = { directory, every: 3 };
    const first = tinyRun({ checkpoints, hooks: { onStepEnd: ({ step }) => (step === 3 ? 'stop' : undefined) } });
    await first.trainer.run();
    const second = tinyRun({ checkpoints });
    await second.trainer.resume();
    expect([...second.trainer.skipped]).toEqual([['bad.jpg', 'cut short']]);
    expect((await second.trainer.step())['data/skipped_images']).toBe(1);
  });

  it('says when it is resumed on another engine, and refuses another recipe', async () => {
    const checkpoints = { directory, every: 3 };
    const hooks: Hooks = { onStepEnd: ({ step }) => (step === 3 ? 'stop' : undefined) };
    await tinyRun({ checkpoints, hooks, config: { out: 'a', margin: 0.4 } }).trainer.run();
    const other = tinyRun({ checkpoints, config: { out: 'b', margin: 0.5 }, optimizer: sgd({ momentum: 0.8 }) });
    await expect(other.trainer.resume()).rejects.toThrow(
      'They differ in config.margin: saved 0.4, now 0.5; config.out: saved "a", now "b"; ' +
        'optimizer.momentum: saved 0.9, now 0.8; optimizer.nesterov: saved true, now false.',
    );
    const elsewhere = tinyRun({
      checkpoints: { ...checkpoints, mayDiffer: ['out'] },
      config: { out: 'b', margin: 0.4 },
    });
    expect(await elsewhere.trainer.resume()).toBe(3);
    expect(await tinyRun({ checkpoints: { directory: join(directory, 'none'), every: 1 } }).trainer.resume()).toBe(0);

    const [engine] = (await enginesAtHand()).filter((name) => name !== 'cpu');
    if (!engine) return;
    await useEngine(engine);
    const messages: string[] = [];
    const logger: Logger = { log: () => undefined, message: (text) => messages.push(text), close: () => undefined };
    await tinyRun({ checkpoints, config: { out: 'a', margin: 0.4 }, loggers: [logger] }).trainer.resume();
    expect(messages).toEqual([expect.stringMatching(/^The checkpoint is from engine cpu: .*not bit for bit\.$/)]);
  });

  it('may change what is named, and tells its loggers once', async () => {
    const checkpoints = { directory, every: 3, mayChange: ['rate'] };
    const hooks: Hooks = { onStepEnd: ({ step }) => (step === 3 ? 'stop' : undefined) };
    await tinyRun({ checkpoints, hooks, config: { rate: { base: 1 }, out: 'a' } }).trainer.run();
    const told: unknown[] = [];
    const logger: Logger = {
      start: () => void told.push('start'),
      changes: (changes, step) => void told.push([step, changes]),
      log: () => undefined,
      close: () => undefined,
    };
    const more = {
      checkpoints,
      loggers: [logger],
      config: { rate: { base: 0.1, kind: 'x' }, out: 'a' },
      clipNorm: 0.25,
    };
    const resumed = tinyRun({ ...more, steps: STEPS + 1, optimizer: sgd({ nesterov: true, weightDecay: 0.1 }) });
    expect(await resumed.trainer.resume()).toBe(3);
    await resumed.trainer.run();
    const changes = [
      { key: 'clipNorm', saved: 0.5, now: 0.25 },
      { key: 'config.rate.base', saved: 1, now: 0.1 },
      { key: 'config.rate.kind', now: 'x' },
      { key: 'optimizer.weightDecay', saved: 5e-4, now: 0.1 },
      { key: 'steps', saved: STEPS, now: STEPS + 1 },
    ];
    expect(told).toEqual(['start', [3, changes]]);
    await expect(tinyRun({ ...more, steps: STEPS }).trainer.resume()).rejects.toThrow('steps: saved 13, now 12.');
    await expect(tinyRun({ ...more, steps: STEPS + 1, seed: 6 }).trainer.resume()).rejects.toThrow(
      'seed: saved 5, now 6.',
    );
  });

  it('goes on from a checkpoint of an earlier spelling, through `upgrade`', async () => {
    const checkpoints = { directory, every: 3 };
    const hooks: Hooks = { onStepEnd: ({ step }) => (step === 3 ? 'stop' : undefined) };
    await tinyRun({ checkpoints, hooks, config: { rivals: 3 } }).trainer.run();
    const upgrade = ({ config, ...rest }: Recipe): Recipe => {
      const { rivals, ...others } = config as Recipe;
      return { ...rest, config: { ...others, lookAlikes: rivals! } };
    };
    const resumed = (lookAlikes: number, more = {}) =>
      tinyRun({ checkpoints: { ...checkpoints, ...more }, config: { lookAlikes } }).trainer.resume();
    expect(await resumed(3, { upgrade })).toBe(3);
    await expect(resumed(4, { upgrade })).rejects.toThrow('They differ in config.lookAlikes: saved 3, now 4.');
    await expect(resumed(3)).rejects.toThrow('They differ in config.lookAlikes: saved nothing, now 3; config.rivals');
  });

  it('refuses a folder whose run is further on', async () => {
    const checkpoints = { directory, every: 4 };
    await tinyRun({ checkpoints }).trainer.run();
    await expect(tinyRun({ checkpoints }).trainer.run()).rejects.toThrow(
      /the newest checkpoint in the folder is .*expected none, for a new run\. Call resume\(\) first/,
    );
  });

  it('refuses bad options', () => {
    expect(() => tinyRun({ steps: 0 })).toThrow('createTrainer: steps is 0, expected an integer >= 1.');
    expect(() => tinyRun({ clipNorm: 0 })).toThrow('createTrainer: clipNorm is 0');
    expect(() => tinyRun({ evaluateEvery: 1.5 })).toThrow('evaluateEvery');
    expect(() => tinyRun({ checkpoints: { directory, every: 0 } })).toThrow(
      'createTrainer: checkpoints: every is 0, expected an integer >= 1.',
    );
    const [encoder, head] = [tinyEncoder(), tinyHead()];
    const twice = [...encoder.parameters, { ...head.parameters[0]!, name: encoder.parameters[0]!.name }];
    expect(() => tinyRun({ encoder: { ...encoder, parameters: twice } })).toThrow(
      'createTrainer: name of two parameters is "encoder/conv.weight", expected one for each',
    );
    expect(() => tinyRun({ stepz: 3 } as never)).toThrow('Did you mean "steps"?');
    expect(() => tinyRun({ checkpoints: { directory, every: 1, kept: 2 } as never })).toThrow('Did you mean "keep"?');
  });
});
