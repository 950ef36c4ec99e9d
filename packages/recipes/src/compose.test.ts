import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { baselines } from '@protomem/baselines';
import { Random } from '@protomem/core';
import type { Encoder, Head } from '@protomem/core/contracts';
import { encoderState, saveEncoder } from '@protomem/encoders';
import { loadEngine } from '@protomem/engine';
import { expectClose, numericalGradient } from '@protomem/engine/testing';
import * as tf from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { headsWithLookAlikes } from './check-together.ts';
import { inSteps, makeEncoder, makeHead, readInitial, readTeacher } from './compose.ts';
import { patchConfig as patch, settled } from './config.ts';
import { fillIn } from './plan.ts';
import { resolveRecipe } from './recipes/index.ts';
import type { RunDraft } from './run-schema.ts';

const tiny = [
  'encoder.inputSize=16',
  'encoder.width=0.125',
  'encoder.embeddingSize=8',
  'head.size=10',
  'sampler.classes=5',
  'sampler.images=2',
];
const patchConfig = (config: RunDraft, patches: readonly string[]) => settled(patch(config, patches));
const demo = patchConfig(resolveRecipe('demo', {}), tiny);
const labels = [3, 3, 7, 7, 1, 3];
/** Other identities in each step, some of which come back. */
const labelsOf = (step: number): number[] => labels.map((label) => (label + 2 * (step % 3)) % 12);

function noise(step: number): tf.Tensor4D {
  const random = new Random(step);
  return tf.tensor4d(
    Float32Array.from({ length: 6 * 16 * 16 * 3 }, () => random.below(256)),
    [6, 16, 16, 3],
  );
}

describe.each(['prototype-memory', ...Object.keys(baselines)])('head %s of a recipe', (kind) => {
  beforeAll(async () => {
    await loadEngine({ prefer: 'auto' });
  });

  it.each(['normalized-softmax', 'cos-face', 'arc-face'])('trains with %s', (loss) => {
    const config = patchConfig(demo, [`head.kind=${kind}`, `head.loss={"name":"${loss}","scale":64}`]);
    const encoder = makeEncoder(config);
    const { head } = makeHead(config, 12);
    expect(head.name).toBe(kind);
    expect(head.lastLookAlikes !== undefined).toBe((headsWithLookAlikes as readonly string[]).includes(kind));
    for (let step = 0; step < 3; step++) {
      tf.tidy(() => {
        const images = noise(step);
        const { value, grads } = tf.variableGrads(() =>
          tf.mean(head.loss(encoder.apply(images, { training: true, seed: step }), labels, images)),
        );
        expect(Number.isFinite(value.dataSync()[0])).toBe(true);
        for (const gradient of Object.values(grads)) {
          expect(tf.all(tf.isFinite(gradient)).dataSync()[0]).toBe(1);
        }
        head.afterStep?.({ encoder, learningRate: 0.1 });
      });
    }
    head.dispose();
    encoder.dispose();
  });

  const config = patchConfig(demo, [`head.kind=${kind}`, 'head.loss={"name":"elastic-cos-face","scale":8}']);
  const encoder = (): Encoder => makeEncoder(patchConfig(config, ['encoder.dropout=0']));
  /** Losses of steps that move the head alone; whose labels differ from step to step. */
  const steps = (head: Head, still: Encoder, from: number, to: number): number[] => {
    const losses: number[] = [];
    for (let step = from; step < to; step++) {
      tf.tidy(() => {
        const images = noise(step);
        const gradient = tf.valueAndGrad((e) => {
          const perSample = head.loss(e as tf.Tensor2D, labelsOf(step), images);
          losses.push(...perSample.dataSync());
          return tf.mean(perSample);
        })(still.apply(images));
        tf.dispose(gradient);
        head.afterStep?.({ encoder: still, learningRate: 0.1 });
      });
    }
    return losses;
  };

  it('goes on from its state, repeats itself by its seed, and leaves no tensor behind', async () => {
    const still = encoder();
    const [first, same, resumed] = [0, 1, 2].map(() => makeHead(config, 12).head) as [Head, Head, Head];
    expect(steps(same, still, 0, 3)).toEqual(steps(first, still, 0, 3));
    await resumed.restore(await first.state());
    const tensors = tf.memory().numTensors;
    const next = steps(first, still, 3, 6);
    expect(tf.memory().numTensors).toBe(tensors);
    expect(steps(same, still, 3, 6)).toEqual(next);
    expect(steps(resumed, still, 3, 6)).toEqual(next);
    expect(next.every(Number.isFinite)).toBe(true);
    for (const part of [first, same, resumed, still]) part.dispose();
  });

  it('has the gradient of finite differences', async () => {
    const still = encoder();
    // Prototypes of the batch are constants of the loss by default: their gradient is asked for here.
    const exemplars = kind === 'prototype-memory' ? ['head.gradient=exemplars'] : [];
    const { head } = makeHead(patchConfig(config, exemplars), 12);
    steps(head, still, 0, 4);
    const saved = await head.state();
    const images = noise(4);
    const embeddings = still.apply(images);
    const weights = labelsOf(4).map((_, i) => 1 + 0.3 * i);
    const f = (e: tf.Tensor): tf.Scalar => {
      head.restore(saved);
      return tf.sum(tf.mul(head.loss(e as tf.Tensor2D, labelsOf(4), images), weights));
    };
    expectClose(tf.grad(f)(embeddings), numericalGradient(f, embeddings), 5e-3);
    tf.dispose([images, embeddings]);
    for (const part of [head, still]) part.dispose();
  });
});

describe('head.batchShare', () => {
  it('mixes the loss over the batch into that of any head', async () => {
    await loadEngine({ prefer: 'cpu' });
    const labels = [0, 0, 1, 1, 2, 2];
    const embeddings = tf.randomNormal<tf.Rank.R2>([6, demo.encoder.embeddingSize], 0, 1, 'float32', 3);
    const lossOf = (...patches: string[]): number[] => {
      const { head } = makeHead(patchConfig(demo, patches), 12);
      const losses = tf.tidy(() => head.loss(embeddings, labels).arraySync());
      head.dispose();
      return losses;
    };
    const batch = lossOf('head.kind=batch-only');
    for (const kind of ['prototype-memory', 'full-softmax', 'partial-fc']) {
      const [alone, both] = ['0', '0.25'].map((share) => lossOf(`head.kind=${kind}`, `head.batchShare=${share}`));
      for (const [i, value] of both!.entries()) expect(value).toBeCloseTo(0.75 * alone![i]! + 0.25 * batch[i]!, 4);
    }
    embeddings.dispose();
    expect(patchConfig(demo, ['head.batchShare=0.25', 'head.kind=dcq']).head).toMatchObject({ batchShare: 0.25 });
    expect(() => patchConfig(demo, ['head.kind=batch-only', 'head.batchShare=0.5'])).toThrow('batchShare');
  });

  it('refuses two heads one state', () => {
    const loss = Object.assign((cosines: tf.Tensor2D) => tf.sum<tf.Tensor1D>(cosines, 1), {
      state: () => ({ values: {}, tensors: {} }),
      restore: () => undefined,
    });
    const config = patchConfig(demo, ['head.loss={"name":"own","own":"mine"}', 'head.batchShare=0.5']);
    expect(() => makeHead(config, 12, { loss })).toThrow('two heads would share its state');
  });
});

describe('encoder.init', () => {
  const dir = mkdtempSync(join(tmpdir(), 'protomem-init-'));
  afterAll(() => rmSync(dir, { recursive: true }));

  const withMomentum = ['head.kind=dcq', 'head.momentum=0.99'];
  it.each(withMomentum)('starts encoder and momentum encoder of %s from the weights of a file alone', async (head) => {
    await loadEngine({ prefer: 'auto' });
    const file = join(dir, 'encoder.safetensors');
    const other = makeEncoder(patchConfig(demo, ['seed=5']));
    await saveEncoder(other, file);
    const config = patchConfig(demo, [`encoder.init=${file}`, head]);
    const initial = await readInitial(config);
    const encoder = makeEncoder(config, {}, initial);
    const made = makeHead(config, 12, {}, { initial });
    const kept = (await encoderState(other)).tensors;
    expect((await encoderState(encoder)).tensors).toEqual(kept);
    const { tensors } = await made.head.state();
    const momentum = Object.entries(kept).map(([name, { data }]) => [
      data,
      Object.entries(tensors).find(([key]) => key.endsWith(`/${name}`))?.[1].data,
    ]);
    for (const [expected, found] of momentum) expect(found).toEqual(expected);
    const wider = patchConfig(config, ['encoder.embeddingSize=9']);
    expect(() => makeEncoder(wider, {}, initial)).toThrow(`encoder.init, ${file}`);
    for (const part of [other, encoder, made.head]) part.dispose();
  });
});

describe('distillation.teacher', () => {
  const dir = mkdtempSync(join(tmpdir(), 'protomem-teacher-'));
  afterAll(() => rmSync(dir, { recursive: true }));

  it('is imitated beside what the head learns, at any size of image, and refused at another width', async () => {
    await loadEngine({ prefer: 'auto' });
    const file = join(dir, 'teacher.safetensors');
    const other = makeEncoder(patchConfig(demo, ['seed=5', 'encoder.inputSize=32']));
    await saveEncoder(other, file);
    other.dispose();
    const config = patchConfig(demo, [`distillation.teacher=${file}`, 'distillation.weight=2']);
    const [alone, taught] = [makeHead(config, 12), makeHead(config, 12, {}, { teacher: await readTeacher(config) })];
    const [images, embeddings] = [noise(1), tf.randomNormal<tf.Rank.R2>([6, 8], 0, 1, 'float32', 3)];
    const losses = [alone, taught].map(({ head }) => head.loss(embeddings, labels, images).arraySync());
    await new Promise(setImmediate);
    const mean = (values: readonly number[]): number => values.reduce((sum, x) => sum + x, 0) / values.length;
    const { teacherCosine } = taught.head.metrics() as { teacherCosine: number };
    expect(mean(losses[1]!)).toBeCloseTo(mean(losses[0]!) + 2 * (1 - teacherCosine), 4);
    expect(taught.memory).toBeDefined();
    for (const { head } of [alone, taught]) head.dispose();
    tf.dispose([images, embeddings]);
    const narrow = patchConfig(config, ['encoder.embeddingSize=4']);
    await expect(readTeacher(narrow)).rejects.toThrow('encoder.embeddingSize is 4, expected 8');
  });
});

it('counts milestones in a run of epochs, and refuses those that fall together', () => {
  const milestones = 'schedule={"kind":"multi-step","base":0.1,"milestones":[500,501,800]}';
  const config = patchConfig(resolveRecipe('demo', {}), ['steps=1000', 'epochs=2', milestones]);
  expect(inSteps(config, config, 1000).schedule).toMatchObject({ milestones: [1000, 1002, 1600] });
  expect(() => inSteps(config, config, 10)).toThrow(
    'epochs: schedule.milestones in 20 steps is [10, 10, 16], expected rising',
  );
});

it('keeps what a run of epochs says in steps, where it says no steps to take a share of', () => {
  const said = ['steps=null', 'epochs=2', 'schedule.warmup=30', 'evaluation.every=null'];
  const draft = patch(resolveRecipe('demo', {}), said);
  const config = fillIn(draft, { identities: 100, byImages: new Map([[4, 100]]) }, 2 ** 30);
  const found = inSteps(config, draft, 50);
  expect(found).toMatchObject({ steps: 100, schedule: { warmup: 30 }, evaluation: { every: 20 } });
  expect(() => inSteps(config, draft, 5)).toThrow(
    '2 epochs: schedule.warmup is 30, expected at most 10, with steps=10',
  );
});

it("refuses an encoder of one's own that is not what the configuration says", () => {
  const config = patchConfig(demo, ['encoder={"name":"own","own":"mine","inputSize":32,"embeddingSize":16}']);
  const encoder = () => makeEncoder(demo);
  expect(() => makeEncoder(config, { encoder })).toThrow(
    'the encoder "mine": encoder.embeddingSize is 16, expected 8, as the encoder\'s card has it',
  );
});
