import type { CosineLoss, SoftmaxForm } from '@protomem/core/contracts';
import { alone, type Collective, sparseSoftmaxCrossEntropy } from '@protomem/engine';
import { enginesAtHand, expectClose, numericalGradient, ranksInTurn, useEngine } from '@protomem/engine/testing';
import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { createPrototypeMemory, type PrototypeMemoryOptions, prototypeHead } from './index.ts';

const SIZE = 7;
const plain: CosineLoss = (cosines, targets) => sparseSoftmaxCrossEntropy(tf.mul(cosines, 8), targets);
const withForm = (negative: SoftmaxForm['negative']): CosineLoss =>
  Object.assign((...args: Parameters<CosineLoss>) => plain(...args), {
    form: { target: (c: tf.Tensor1D) => ({ logit: tf.mul(c, 8) }), negative },
  });
const scaled = withForm(8);
/** Looks at the target's logit, whose gradient is then of all columns. */
const weighed = withForm((c, { logit }) => tf.mul(c, tf.add(4, tf.mul(0.2, tf.expandDims(logit, 1)))));

const embeddingsOf = (step: number): tf.Tensor2D => tf.randomNormal([6, 4], 0.3, 1, 'float32', step + 1);
/** Some come back, and from the third step on some have to leave. Of seed 0 tfjs would draw anew each time. */
const labelsOf = (step: number): number[] => [
  step,
  step,
  100 + (step % 2),
  100 + (step % 2),
  3 * step + 50,
  7 + 2 ** 40,
];

/** Some steps of a memory, and what comes of them. */
function stepsOf(options: Partial<PrototypeMemoryOptions>, loss: CosineLoss, steps = 4) {
  return (collective: Collective) => {
    const memory = createPrototypeMemory({ size: SIZE, dimension: 4, collective, ...options });
    const head = prototypeHead({ memory, loss });
    const numbers = Array.from({ length: steps }, (_, step) =>
      tf.tidy(() => {
        let losses: number[] = [];
        const gradient = tf.grad((x) => {
          const perSample = head.loss(x as tf.Tensor2D, labelsOf(step));
          losses = [...perSample.dataSync()];
          return tf.sum(perSample);
        })(embeddingsOf(step));
        return [...losses, ...gradient.dataSync()];
      }),
    );
    const probed = memory.stalenessProbe(embeddingsOf(0), [100, 1, 101, 50, 999, 4]);
    const stalest = memory.stalest(4).map(({ id }) => id);
    const refreshed = memory.refreshFrom(embeddingsOf(9), [...stalest, 999, 1000], 0.5);
    const metrics = memory.metrics();
    const found = { numbers, probed, refreshed, metrics, seen: memory.lastLookAlikes(), common: memory.commonState() };
    const state = memory.state();
    memory.dispose();
    return { ...found, state };
  };
}

const variants: Record<string, Partial<PrototypeMemoryOptions>> = {
  'in small blocks, strict FIFO': { logitBytes: 4 * 6 * 2, eviction: 'fifo', renewAge: false },
  'admitted after, with gradients': { admit: 'after', gradient: 'exemplars', eviction: 'random', seed: 3 },
  'guarded, least confident': { guardAbove: 0.3, guardVisits: 1, eviction: 'least-confident' },
  'hardest, drifting': { hardest: 4, driftCompensation: 0.5, refresh: 'by-similarity' },
  recognizability: { generation: 'recognizability', refresh: 'age-aware', targetPrototype: 'split' },
};

function compare(size: number, options: Partial<PrototypeMemoryOptions>, loss: CosineLoss): void {
  const whole = stepsOf(options, loss)(alone);
  const parts = ranksInTurn(size, stepsOf({ ...options, sharded: true }, loss));
  expect(whole.metrics.evicted).toBeGreaterThan(0);
  for (const [rank, part] of parts.entries()) {
    part.numbers.forEach((numbers, step) => {
      expectClose(numbers, whole.numbers[step]!, 1e-5);
    });
    // Of each other they are no copies but the same.
    expect(part.numbers).toEqual(parts[0]!.numbers);
    expect(part.seen).toEqual(parts[0]!.seen);
    expect(part.seen.map(({ cosine: _, ...pair }) => pair)).toEqual(whole.seen.map(({ cosine: _, ...pair }) => pair));
    expect(part.common).toEqual(whole.common);
    expect([part.probed, part.refreshed]).toEqual([whole.probed, whole.refreshed]);
    // On rank 0 alone it is whole, and bit for bit that of one process.
    expect(part.state).toEqual(rank === 0 ? whole.state : whole.common);
    expect(part.metrics).toEqual({ ...whole.metrics, bytes: (whole.metrics.bytes! / SIZE) * Math.ceil(SIZE / size) });
  }
}

describe.each(await enginesAtHand())('a memory divided among ranks on %s', (engine) => {
  beforeAll(() => useEngine(engine));

  it('is that of one process', () => compare(3, {}, scaled));
  if (engine === 'node') it('is that of one process: bfloat16', () => compare(2, { storage: 'bfloat16' }, scaled));
});

// All is begun anew for each call: on the engine that is quickest at so little.
describe('a memory divided among ranks', () => {
  beforeAll(() => useEngine('cpu'));

  it.each(Object.entries(variants))('is that of one process: %s', (_, options) => compare(3, options, scaled));

  it('is that of one process: logits of any form, more ranks than classes at first', () => compare(5, {}, weighed));
  it('has the gradient of finite differences', () => {
    const lossAt = (x: tf.Tensor, differentiate: boolean) =>
      ranksInTurn(2, (collective) =>
        tf.tidy(() => {
          const options = { size: SIZE, dimension: 4, gradient: 'exemplars', sharded: true } as const;
          const memory = createPrototypeMemory({ ...options, collective });
          for (const step of [0, 1]) memory.admit(embeddingsOf(step), labelsOf(step));
          const f = (y: tf.Tensor): tf.Scalar => tf.sum(memory.loss(y as tf.Tensor2D, labelsOf(2), weighed));
          const found = [...(differentiate ? tf.grad(f)(x) : f(x)).dataSync()];
          memory.dispose();
          return found;
        }),
      )[1]!;
    const x = embeddingsOf(2);
    const f = (y: tf.Tensor): tf.Tensor => tf.scalar(lossAt(y, false)[0]!);
    expectClose(lossAt(x, true), numericalGradient(f, x), 5e-3);
  });

  it('goes on from the state of any number of ranks, divided or not', () => {
    const options = { logitBytes: 48 };
    const [{ state }] = ranksInTurn(4, stepsOf({ ...options, sharded: true }, scaled)) as [
      ReturnType<ReturnType<typeof stepsOf>>,
    ];
    const goneOn = (more: Partial<PrototypeMemoryOptions>) => (collective: Collective) => {
      const memory = createPrototypeMemory({ size: SIZE, dimension: 4, collective, ...options, ...more });
      memory.restore(state);
      const admissions = [5, 6].map((step) => memory.admit(embeddingsOf(step), labelsOf(step)));
      const restored = { admissions, state: memory.state() };
      memory.dispose();
      return restored;
    };
    const whole = goneOn({})(alone);
    for (const size of [1, 2, 3]) {
      const parts = ranksInTurn(size, goneOn({ sharded: true }));
      expect(parts[0]).toEqual(whole);
      for (const { admissions } of parts) expect(admissions).toEqual(whole.admissions);
    }
    // Into a smaller one the youngest go.
    const [smaller] = ranksInTurn(2, goneOn({ sharded: true, size: 5 }));
    expect(smaller).toEqual(goneOn({ size: 5 })(alone));
  });

  it('refuses what no rank can do', () => {
    const options = { size: 4, dimension: 4, sharded: true };
    expect(() => createPrototypeMemory({ ...options, prototypeRate: 0.1 })).toThrow(
      'createPrototypeMemory: prototypeRate is 0.1, expected 0 with sharded',
    );
    const refused = ranksInTurn(2, (collective) => {
      const memory = createPrototypeMemory({ ...options, collective });
      const all = [
        () => prototypeHead({ memory, loss: plain }),
        () => memory.loss(embeddingsOf(0), labelsOf(0), (c) => tf.sum(c, 1)),
        () => memory.columns(),
      ].map((run) => {
        try {
          run();
          return 'taken';
        } catch (error) {
          return (error as Error).message;
        }
      });
      // Nothing has come of it, and nearest ones need no form.
      const hardest = createPrototypeMemory({ ...options, collective, hardest: 2 });
      prototypeHead({ memory: hardest, loss: plain }).dispose();
      return [...all, memory.step];
    });
    for (const [head, loss, columns, step] of refused) {
      expect(head).toMatch(
        /^prototypeHead: the loss on columns divided among 2 ranks is "plain", expected one with a `form`/,
      );
      expect(loss).toMatch(/^PrototypeMemory.loss: the loss on columns divided among 2 ranks is "a function without/);
      expect(columns).toMatch(/^PrototypeMemory.columns: the memory is "divided among 2 processes"/);
      expect(step).toBe(0);
    }
    // One process alone has all.
    const single = createPrototypeMemory(options);
    expect(single.isDivided).toBe(false);
    single.admit(embeddingsOf(0), [1, 1, 1, 1, 1, 1]);
    expect(prototypeHead({ memory: single, loss: plain }).commonState).toBeUndefined();
    const columns = single.columns();
    expect(columns.shape).toEqual([1, 4]);
    columns.dispose();
    single.dispose();
  });
});
