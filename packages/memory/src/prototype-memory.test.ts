import type { State } from '@protomem/core';
import { Random } from '@protomem/core';
import type { CosineLoss, Encoder, Head, SoftmaxForm } from '@protomem/core/contracts';
import { sparseSoftmaxCrossEntropy } from '@protomem/engine';
import { enginesAtHand, expectClose, leaked, useEngine } from '@protomem/engine/testing';
import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { createPrototypeMemory, type PrototypeMemory, type PrototypeMemoryOptions, prototypeHead } from './index.ts';

const softmax: CosineLoss = (cosines, targets) => sparseSoftmaxCrossEntropy(tf.mul(cosines, 8), targets);
const batch = (rows: number, seed: number): tf.Tensor2D => tf.randomNormal([rows, 3], 0.5, 1, 'float32', seed);
const make = (options: Partial<PrototypeMemoryOptions> = {}): PrototypeMemory =>
  createPrototypeMemory({ size: 4, dimension: 3, ...options });
const rowsOf = (memory: PrototypeMemory): number[][] => tf.tidy(() => memory.columns().arraySync());

/** The same with a form. */
const inBlocks = (negative: SoftmaxForm['negative']): CosineLoss =>
  Object.assign((...args: Parameters<CosineLoss>) => softmax(...args), {
    form: { target: (c: tf.Tensor1D) => ({ logit: tf.mul(c, 8) }), negative },
  });

describe.each(await enginesAtHand())('PrototypeMemory on %s', (engine) => {
  beforeAll(() => useEngine(engine));

  it('takes a custom loss, as in the README', () => {
    const memory = createPrototypeMemory({ size: 1000, dimension: 3 });
    const embeddings = batch(4, 1);
    const labels = [7, 7, 2 ** 40, 2 ** 40];

    const squaredHinge = (cosines: tf.Tensor2D, targets: tf.Tensor1D): tf.Tensor1D => {
      const wanted = tf.sub(tf.mul(tf.oneHot(targets, cosines.shape[1]), 2), 1); // 1 at the own class, -1 elsewhere
      return tf.sum(tf.square(tf.relu(tf.sub(0.5, tf.mul(wanted, cosines)))), 1);
    };
    const perSample = memory.loss(embeddings, labels, squaredHinge);

    const unit = embeddings.arraySync().map((row) => row.map((v) => v / Math.hypot(...row)));
    const columns = rowsOf(memory);
    const dot = (a: number[], b: number[]): number => a.reduce((s, v, i) => s + v * b[i]!, 0);
    // Each image's own class is the other image of that class.
    const expected = [1, 0, 3, 2].map((other, i) => {
      const [own, lookAlike] = [dot(unit[i]!, unit[other]!), dot(unit[i]!, columns[i < 2 ? 1 : 0]!)];
      return Math.max(0, 0.5 - own) ** 2 + Math.max(0, 0.5 + lookAlike) ** 2;
    });
    expectClose(perSample, expected);
    memory.dispose();
  });

  it('keeps unit prototypes in the rows that slotOf names', () => {
    const memory = make();
    memory.admit(batch(4, 1), [9, 2 ** 53 - 1, 9, 5]);
    expect(memory.occupied).toBe(3);
    const rows = rowsOf(memory);
    expect(rows.length).toBe(3);
    for (const row of rows) expect(Math.hypot(...row)).toBeCloseTo(1, 5);
    const first = batch(4, 1).arraySync()[1]!;
    expectClose(
      rows[memory.slotOf(2 ** 53 - 1)]!,
      first.map((v) => v / Math.hypot(...first)),
    );
    expect([0, 1, 2].map((slot) => memory.idOf(slot))).toEqual([9, 2 ** 53 - 1, 5]);
    expect(memory.slotOf(4)).toBe(-1);
    expect(() => memory.idOf(3)).toThrow('PrototypeMemory.idOf: slot is 3, expected an occupied slot, 0 ... 2.');
    memory.dispose();
  });

  it('goes on from a state bit for bit, with every eviction', () => {
    const never = ({ id }: { readonly id: number }): number =>
      id % 3 ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
    for (const eviction of ['oldest', 'fifo', 'random', 'least-confident', never] as const) {
      const options = { eviction, refresh: 'age-aware', guardAbove: 0.5, guardVisits: 1, seed: 3 } as const;
      const memory = make(options);
      const other = make({ ...options, seed: 4 });
      const step = (m: PrototypeMemory, i: number): void => {
        const x = batch(6, i);
        m.loss(x, [i, i, i % 5, (3 * i) % 11, i % 5, 100 + i], softmax).dispose();
        x.dispose();
      };
      for (let i = 0; i < 5; i++) step(memory, i);
      expect(memory.guardedPairs().length).toBeGreaterThan(0);
      // As a checkpoint has it: values through JSON, tensors copied.
      const state = memory.state();
      const saved: State = { values: JSON.parse(JSON.stringify(state.values)), tensors: state.tensors };
      for (let i = 5; i < 12; i++) step(memory, i);
      other.restore(saved);
      for (let i = 5; i < 12; i++) step(other, i);
      expect(other.state()).toEqual(memory.state());
      expect(other.metrics()).toEqual(memory.metrics());
      expect(other.guardedPairs()).toEqual(memory.guardedPairs());
      for (const m of [memory, other]) m.dispose();
    }
  });

  it('refuses a bad batch and stays as it was', () => {
    const memory = make();
    memory.admit(batch(3, 1), [1, 2, 3]);
    const before = memory.state();
    const refuses = (embeddings: tf.Tensor, labels: ArrayLike<number>, message: string): void => {
      const x = embeddings as tf.Tensor2D;
      expect(leaked(() => expect(() => memory.loss(x, labels, softmax)).toThrow(message))).toBe(0);
      expect(leaked(() => expect(() => memory.admit(x, labels)).toThrow(message))).toBe(0);
    };
    refuses(batch(2, 1), [1], 'number of labels is 1, expected 2, one for each embedding.');
    refuses(batch(2, 1), [1, -4], 'label 1 of 2 is -4, expected an integer in [0, 2^53).');
    refuses(batch(2, 1), [1.5, 1], 'label 0 of 2 is 1.5');
    refuses(batch(2, 1), [1, 2 ** 53], 'label 1 of 2 is 9007199254740992');
    refuses(batch(2, 1), [1, Number.NaN], 'label 1 of 2 is NaN');
    refuses(tf.zeros([2, 5]), [1, 2], 'shape of embeddings is [2, 5], expected [B, 3], B >= 1.');
    refuses(tf.zeros([0, 3]), [], 'shape of embeddings is [0, 3]');
    refuses(tf.zeros([2, 3], 'int32'), [1, 2], 'dtype of embeddings is "int32", expected float32.');
    refuses(
      tf.tensor2d([1, 2, 3, 1, Number.NaN, 3], [2, 3]),
      [1, 2],
      'embedding 1 of 2 (identity 2) is "of length NaN"',
    );
    refuses(tf.tensor2d([1, Number.POSITIVE_INFINITY, 3], [1, 3]), [4], 'embedding 0 of 1 (identity 4)');
    refuses(
      batch(5, 1),
      [1, 2, 3, 4, 5],
      'number of identities in the batch is 5, expected at most 4, the size of the memory.',
    );
    expect(memory.state()).toEqual(before);
    memory.dispose();
  });

  it('holds a zero embedding and exemplars that cancel out, with finite gradients', () => {
    const memory = make({ gradient: 'exemplars' });
    const x = tf.tensor2d([0, 0, 0, 1, 0, 0, -1, 0, 0], [3, 3]);
    const { value, grad } = tf.valueAndGrad((e) => tf.sum(memory.loss(e as tf.Tensor2D, [1, 2, 2], softmax)))(x);
    expect([...value.dataSync(), ...grad.dataSync()].every(Number.isFinite)).toBe(true);
    expect(rowsOf(memory).flat().every(Number.isFinite)).toBe(true);
    memory.admit(tf.tensor2d([1, 0, 0], [1, 3]), [2]);
    expectClose(rowsOf(memory)[memory.slotOf(2)]!, [1, 0, 0]);
    memory.dispose();
  });

  it('gives the gradient of the columns as they were, also when the batch enters after the loss', () => {
    // All classes known, memory full: what the loss reads is the memory's own buffer unless it is copied.
    const memory = make({ admit: 'after', refresh: 'replace' });
    memory.admit(batch(4, 1), [1, 2, 3, 4]);
    const columns = tf.tensor2d(rowsOf(memory));
    const x = batch(4, 2);
    const plain = tf.grad((e) => {
      const unit = tf.div(e, tf.norm(e, 2, 1, true)) as tf.Tensor2D;
      return tf.sum(softmax(tf.matMul(unit, columns, false, true), tf.tensor1d([0, 1, 2, 3], 'int32')));
    })(x);
    expectClose(tf.grad((e) => tf.sum(memory.loss(e as tf.Tensor2D, [1, 2, 3, 4], softmax)))(x), plain);
    expectClose(tf.tensor2d(rowsOf(memory)), tf.div(x, tf.norm(x, 2, 1, true)));
    memory.dispose();
  });

  it('tells a loss the lengths that embeddings had, with their gradient', () => {
    const memory = make();
    const lengths: CosineLoss = (_, __, context) => tf.mul(context!.norms, 2);
    const x = tf.tensor2d([3, 4, 0, 0, 0, 2], [2, 3]);
    const { value, grad } = tf.valueAndGrad((e) => memory.loss(e as tf.Tensor2D, [1, 2], lengths))(x);
    expectClose(value, [10, 4], 1e-4);
    expectClose(grad, [1.2, 1.6, 0, 0, 0, 2], 1e-4);
    memory.dispose();
  });

  it('notes the look-alikes of a few samples', () => {
    const memory = make({ size: 5, observedSamples: 1, logitBytes: 4 });
    memory.admit(tf.tensor2d([1, 0, 0, 0, 1, 0, 0, 0, 1], [3, 3]), [10, 20, 30]);
    expect(memory.lookAlikes()).toEqual([]);
    // The second step observes sample 2 % 2 = 0, the third sample 1: 20's nearest are 30 (of its own batch) and 10.
    memory.loss(tf.tensor2d([0.1, 3, 4, 1, 0, 0], [2, 3]), [20, 40], softmax).dispose();
    memory.loss(tf.tensor2d([0, 0, 1, 0.6, 0.8, 0], [2, 3]), [30, 20], softmax).dispose();
    const [first, second] = memory.lookAlikes();
    expect(first).toMatchObject({ id: 20, lookAlike: 30, step: 2 });
    expect(first!.cosine).toBeCloseTo(4 / Math.hypot(0.1, 3, 4), 5);
    expect(second).toMatchObject({ id: 20, step: 3 });
    expect([10, 40]).toContain(second!.lookAlike); // both lie along the first axis
    expect(second!.cosine).toBeCloseTo(0.6, 5);
    memory.dispose();
  });

  it.each([
    ['all cosines', softmax, {}],
    ['all cosines, entering after', softmax, { admit: 'after' }],
    ['blocks', inBlocks(8), {}],
    ['blocks of one column', inBlocks(8), { logitBytes: 4 }],
    ['blocks of one column, entering after', inBlocks((c) => tf.mul(c, 8)), { logitBytes: 4, admit: 'after' }],
    ['the hardest', softmax, { hardest: 2 }],
  ] as const)('tells the nearest classes outside and inside the batch: %s', (_, loss, options) => {
    const memory = make({ size: 6, dimension: 3, observedSamples: 10, ...options });
    const tensors = tf.memory().numTensors;
    const random = new Random(7);
    const unitRow = (): number[] => {
      const row = [random.normal(), random.normal(), random.normal()];
      return row.map((x) => x / Math.hypot(...row));
    };
    for (let step = 0; step < 8; step++) {
      const before = new Map(
        Array.from({ length: memory.occupied }, (_, slot) => [memory.idOf(slot), rowsOf(memory)[slot]!]),
      );
      const labels = [random.below(4), 4 + random.below(4), 8 + random.below(4)];
      // One image a class: the column that a class of the batch is met by is known only where its own image makes it.
      const rows = labels.map(unitRow);
      const x = tf.tensor2d(rows);
      tf.dispose([x, memory.loss(x, labels, loss)]);
      const entered = new Map(
        Array.from({ length: memory.occupied }, (_, slot) => [memory.idOf(slot), rowsOf(memory)[slot]!]),
      );
      const met = 'admit' in options ? new Map([...entered, ...before]) : entered;
      const inMemory = [...('admit' in options ? before : entered).keys()];
      const nearestOf = (i: number, ids: readonly number[]): { id: number; lookAlike: number }[] => {
        const cosine = (id: number): number => met.get(id)!.reduce((sum, x, k) => sum + x * rows[i]![k]!, 0);
        const others = ids.filter((id) => id !== labels[i]).toSorted((x, y) => cosine(y) - cosine(x));
        return others.slice(0, 1).map((lookAlike) => ({ id: labels[i]!, lookAlike }));
      };
      const expected = [
        ...labels.flatMap((_, i) =>
          nearestOf(
            i,
            inMemory.filter((id) => !labels.includes(id)),
          ),
        ),
        ...labels.flatMap((_, i) => nearestOf(i, labels)),
      ];
      expect(memory.lastLookAlikes().map(({ id, lookAlike }) => ({ id, lookAlike }))).toEqual(expected);
      for (const { id, lookAlike, cosine, sample } of memory.lastLookAlikes()) {
        expect(labels[sample]).toBe(id);
        const dot = met.get(lookAlike)!.reduce((sum, x, k) => sum + x * rows[labels.indexOf(id)]![k]!, 0);
        expect(cosine).toBeCloseTo(dot, 5);
      }
      const left = [...before.keys()].filter((id) => !entered.has(id));
      expect(memory.lastEvicted().toSorted()).toEqual(left.toSorted());
      expect(memory.metrics().evicted).toBe(left.length);
    }
    expect(tf.memory().numTensors).toBe(tensors);
    memory.admit(tf.tensor2d([unitRow()]), [1]);
    expect(memory.lastLookAlikes()).toEqual([]);
    memory.dispose();
  });

  it('forgets what the last loss saw where the next one fails', () => {
    const memory = make({ size: 5 });
    const x = batch(3, 1);
    memory.loss(x, [1, 2, 3], softmax).dispose();
    expect(memory.lastLookAlikes()).not.toEqual([]);
    const failing = (): never => {
      throw new Error('no');
    };
    expect(() => memory.loss(x, [3, 4, 5], failing)).toThrow('no');
    expect(memory.lastLookAlikes()).toEqual([]);
    expect(memory.slotOf(5)).toBe(4);
    x.dispose();
    memory.dispose();
  });

  it('looks at no sample when none is to be observed', () => {
    const memory = make({ size: 5, dimension: 3, observedSamples: 0 });
    memory.loss(tf.tensor2d([1, 0, 0, 0, 1, 0], [2, 3]), [1, 2], softmax).dispose();
    expect(memory.lastLookAlikes()).toEqual([]);
    memory.dispose();
  });

  it('stores prototypes in half the bytes, where the engine can', () => {
    const options = { size: 6, dimension: 4, storage: 'bfloat16' } as const;
    if (engine !== 'node') {
      expect(() => createPrototypeMemory(options)).toThrow('expected tensorflow (engine node or node-gpu)');
      return;
    }
    const [half, full] = [createPrototypeMemory(options), createPrototypeMemory({ ...options, storage: 'float32' })];
    const x = tf.randomNormal<tf.Rank.R2>([6, 4], 0.5, 1, 'float32', 3);
    for (const labels of [
      [1, 1, 2, 3, 4, 5],
      [1, 6, 7, 8, 8, 2],
    ]) {
      const losses = [half, full].map((memory) => memory.loss(x, labels, softmax).dataSync());
      expectClose(losses[0]!, [...losses[1]!], 0.05);
    }
    expect([half.metrics().bytes, full.metrics().bytes]).toEqual([6 * 4 * 2, 6 * 4 * 4]);
    // Each value is rounded to 8 bits: by 2^-9 of itself at most.
    expect(half.metrics().roundingError).toBeGreaterThan(0);
    expect(half.metrics().roundingError).toBeLessThan(2 ** -17);
    expectClose(half.columns(), rowsOf(full).flat(), 2 ** -7);
    const again = createPrototypeMemory(options);
    again.restore(half.state());
    expect(again.state()).toEqual(half.state());
    for (const memory of [half, full, again]) memory.dispose();
  });

  it('says how much bfloat16 loses when what is stored moves, too', () => {
    if (engine !== 'node') return;
    const memory = make({ storage: 'bfloat16', dimension: 4, driftCompensation: 0.5 });
    for (const seed of [1, 2]) memory.admit(tf.randomNormal([3, 4], 0, 1, 'float32', seed), [1, 2, 3]);
    expect(memory.metrics().roundingError).toBeGreaterThan(0);
    expect(memory.metrics().roundingError).toBeLessThan(2 ** -15);
    memory.dispose();
  });

  it('moves what is stored with the classes that come back', () => {
    const options = { driftCompensation: 0.5, refresh: 'replace', size: 6 } as const;
    const memory = make(options);
    const unit = (v: number[]): number[] => v.map((x) => x / Math.hypot(...v));
    memory.admit(tf.tensor2d([1, 0, 0, 0, 1, 0, 0, 0, 1], [3, 3]), [1, 2, 3]);
    memory.admit(tf.tensor2d([0, 0, 1], [1, 3]), [3]);
    // Class 1 comes back after two steps, class 3 after one; 2 stays away, 4 is new.
    const [a, b, c] = [unit([1, 0.5, 0]), unit([0.2, 0, 1]), unit([1, 1, 1])];
    memory.admit(tf.tensor2d([...a, ...b, ...c], [3, 3]), [1, 3, 4]);
    const moved = [0, 1, 2].map((d) => (0.5 * ((a[d]! - [1, 0, 0][d]!) / 2 + (b[d]! - [0, 0, 1][d]!))) / 2);
    const expected = [a, unit([0, 1, 0].map((v, d) => v + moved[d]!)), b, c];
    expectClose(rowsOf(memory).flat(), expected.flat(), 1e-5);
    const again = make(options);
    again.restore(memory.state());
    expect(again.state()).toEqual(memory.state());
    for (const m of [memory, again]) m.admit(tf.tensor2d([0.3, 1, 0.2], [1, 3]), [2]);
    expect(rowsOf(again)).toEqual(rowsOf(memory));
    // Without drift, the same columns, which stay where they are.
    const still = make({ ...options, driftCompensation: 0 });
    still.restore(memory.state());
    expectClose(rowsOf(still).flat(), rowsOf(memory).flat(), 1e-6);
    // And of a memory that never moved.
    const begun = make(options);
    begun.restore(still.state());
    expectClose(rowsOf(begun).flat(), rowsOf(still).flat(), 1e-6);
    for (const m of [still, begun]) m.dispose();
    // The loss meets the moved columns, and the gradient too.
    const { value, grad } = tf.valueAndGrad((e) => memory.loss(e as tf.Tensor2D, [1], softmax))(
      tf.tensor2d([[1, 2, 3]]),
    );
    expect([...value.dataSync(), ...grad.dataSync()].every(Number.isFinite)).toBe(true);
    for (const m of [memory, again]) m.dispose();
  });

  it('names the stalest classes', () => {
    const memory = make();
    memory.admit(batch(3, 1), [1, 2, 3]);
    memory.admit(batch(2, 1), [1, 4]);
    memory.admit(batch(1, 1), [3]);
    expect(memory.stalest(2)).toEqual([
      { id: 2, age: 2 },
      { id: 1, age: 1 },
    ]);
    expect(memory.stalest(9).length).toBe(4);
    expect(() => memory.stalest(-1)).toThrow('PrototypeMemory.stalest: count is -1');
    memory.dispose();
  });

  it('makes prototypes anew from references, which is no visit', () => {
    for (const renewAge of [true, false]) {
      const memory = make({ renewAge, refresh: 'age-aware', refreshRatio: 0.5 });
      memory.admit(tf.tensor2d([1, 0, 0, 0, 1, 0, 0, 0, 1], [3, 3]), [1, 2, 3]);
      memory.admit(tf.tensor2d([0, 0, 1, 1, 1, 1], [2, 3]), [3, 4]);
      const ages = memory.ages();
      const x = tf.tensor2d([3, 4, 0, 0, 0, 5, 0, 2, 0, 0, 0, 9], [4, 3]);
      const tensors = tf.memory().numTensors;
      // Class 77 is not in memory; class 1 has an image at 53 degrees from what is stored, class 2 two others.
      const made = memory.refreshFrom(x, [1, 2, 2, 77]);
      expect(tf.memory().numTensors).toBe(tensors);
      expect(made.map(({ id, age }) => [id, age])).toEqual([
        [1, 1],
        [2, 1],
      ]);
      expectClose(
        made.map(({ cosine }) => cosine),
        [0.6, Math.SQRT1_2],
      );
      const root = Math.SQRT1_2;
      expectClose(rowsOf(memory).slice(0, 2).flat(), [0.6, 0.8, 0, 0, root, root]);
      expect(memory.stalest(4).map(({ age }) => age)).toEqual([0, 0, 0, 0]);
      expect([memory.step, memory.occupied]).toEqual([2, 4]);
      expect(memory.ages()).toEqual(ages);
      // Half of what these images make; and what was made of more images counts them.
      memory.refreshFrom(tf.tensor2d([1, 0, 0], [1, 3]), [1], 0.5);
      const half = [1.6, 0.8, 0].map((v) => v / Math.hypot(1.6, 0.8));
      expectClose(rowsOf(memory)[0]!, half);
      expect([...memory.state().tensors.seen!.data]).toEqual([2, 2, 2, 1]);
      // `age-aware` counts from the day it was written: one step, not two.
      memory.admit(tf.tensor2d([0, 0, 1], [1, 3]), [1]);
      const blended = half.map((v, d) => (v + (d === 2 ? 1 : 0)) / 2);
      expectClose(
        rowsOf(memory)[0]!,
        blended.map((v) => v / Math.hypot(...blended)),
      );
      // Whom no batch had for longest leaves first, made anew or not.
      const other = make({ renewAge });
      other.restore(memory.state());
      for (const m of [memory, other]) {
        m.refreshFrom(tf.tensor2d([1, 0, 0], [1, 3]), [2]);
        expect(m.admit(batch(1, 1), [9]).evicted).toEqual([renewAge ? 2 : 1]);
      }
      // A state of before such things has no word of visits: those were when prototypes were written.
      const { visited, ...before } = memory.state().tensors;
      other.restore({ ...memory.state(), tensors: before });
      expect(other.state().tensors.visited!.data).toEqual(memory.state().tensors.written!.data);
      const broken = { ...before, visited: { ...visited!, data: visited!.data.map(() => 99) } } as State['tensors'];
      expect(() => other.restore({ ...memory.state(), tensors: broken })).toThrow('steps of ids[0]');
      expect(() => memory.refreshFrom(x, [1, 2, 2, 77], 2)).toThrow(
        'refreshFrom: ratio is 2, expected a number in [0, 1]',
      );
      expect(memory.refreshFrom(batch(1, 1), [1234])).toEqual([]);
      for (const m of [memory, other]) m.dispose();
    }
  });

  it('probes staleness', () => {
    const memory = make({ refresh: 'replace' });
    memory.admit(tf.tensor2d([1, 0, 0, 0, 1, 0], [2, 3]), [1, 2]);
    memory.admit(tf.tensor2d([0, 0, 1], [1, 3]), [3]);
    memory.admit(tf.tensor2d([0, 0, 1], [1, 3]), [3]);
    const probe = memory.stalenessProbe(tf.tensor2d([3, 4, 0, 1, 1, 1, 0, 0, 5], [3, 3]), [1, 77, 3]);
    expect(probe.map(({ id, age }) => [id, age])).toEqual([
      [1, 2],
      [3, 0],
    ]);
    expect(probe[0]!.cosine).toBeCloseTo(0.6);
    expect(probe[1]!.cosine).toBeCloseTo(1);
    expect(memory.step).toBe(3);
    expect(() => memory.stalenessProbe(batch(2, 1), [1])).toThrow('number of ids is 1, expected 2');
    memory.dispose();
  });

  it('gathers the staleness curve at each refresh', () => {
    const memory = make({ refresh: 'replace' });
    const admit = (x: number, y: number, id: number): void => {
      memory.admit(tf.tensor2d([x, y, 0], [1, 3]), [id]);
    };
    admit(1, 0, 1); // step 1
    admit(1, 0, 2);
    admit(3, 4, 1); // age 2, cosine 0.6
    admit(0, 1, 2); // age 2, cosine 0
    admit(0, 2, 2); // age 1, cosine 1
    const curve = memory.stalenessCurve();
    expect(curve.map(({ age, count }) => [age, count])).toEqual([
      [1, 1],
      [2, 2],
    ]);
    expect(curve[0]!.cosine).toBeCloseTo(1, 5);
    expect(curve[1]!.cosine).toBeCloseTo(0.3, 5);
    const other = make();
    other.restore(memory.state());
    expect(other.stalenessCurve()).toEqual(curve);
    memory.resetStaleness();
    expect(memory.stalenessCurve()).toEqual([]);
    for (const m of [memory, other]) m.dispose();
  });

  it('goes on from a state after prototypes were made anew, whatever the order of those who leave', () => {
    const options = { size: 2, eviction: ({ seen }: { readonly seen: number }) => seen };
    const memory = make(options);
    memory.admit(batch(8, 1), [1, 1, 1, 1, 1, 2, 2, 2]);
    // Class 1 is now of one image, and keeps its place behind class 2.
    memory.refreshFrom(batch(1, 2), [1]);
    const other = make(options);
    other.restore(memory.state());
    for (const m of [memory, other]) expect(m.admit(batch(1, 3), [9]).evicted).toEqual([2]);
    for (const m of [memory, other]) m.dispose();
  });

  it('forgets, with what it held, what it saw', () => {
    const options = { size: 8, generation: 'recognizable', observedSamples: 2, guardPairs: [[1, 2]] } as const;
    const [memory, fresh] = [make(options), make(options)];
    const before = memory.state();
    memory.loss(batch(4, 1), [1, 1, 2, 3], softmax).dispose();
    memory.loss(batch(4, 2), [4, 4, 5, 6], softmax).dispose();
    expect(memory.lookAlikes().length).toBeGreaterThan(0);
    expect(memory.metrics()).not.toEqual(fresh.metrics());
    memory.restore(before);
    expect(memory.lookAlikes()).toEqual([]);
    expect(memory.metrics()).toEqual(fresh.metrics());
    for (const m of [memory, fresh]) m.dispose();
  });

  it('weighs images by how unlike they are to the unrecognizable, and says how many it left out', () => {
    const soft = make({ generation: 'recognizability' });
    const hard = make({ generation: 'recognizable', minRecognizability: 0.5 });
    const hardToo = make({ generation: 'recognizable', minRecognizability: 0.5, size: 8 });
    // The shortest embedding of the first batch, along z, is what unrecognizable images look like from then on.
    const first = tf.tensor2d([2, 0, 0, 0, 3, 0, 0, 0, 0.1], [3, 3]);
    for (const memory of [soft, hard]) {
      memory.admit(first, [1, 2, 3]);
      expect(memory.metrics().recognizability).toBeCloseTo(1, 6);
    }
    hardToo.restore(hard.state());
    // Class 4: one image along x, one at 45 degrees to z (recognizability 0.29). Class 5: nothing but poor ones.
    const second = tf.tensor2d([1, 0, 0, 0, 1, 1, 0, 1, 9, 0, 0, 9], [4, 3]);
    const root = Math.SQRT1_2;
    for (const memory of [soft, hard, hardToo]) memory.admit(second, [4, 4, 5, 5]);
    const at = (memory: PrototypeMemory, id: number): number[] => rowsOf(memory)[memory.slotOf(id)]!;
    const unit = (v: number[]): number[] => v.map((x) => x / Math.hypot(...v));
    expectClose(at(soft, 4), unit([1, (1 - root) * root, (1 - root) * root]));
    for (const memory of [hard, hardToo]) {
      expectClose(at(memory, 4), [1, 0, 0]);
      const both = unit([0, 1, 9]);
      expectClose(at(memory, 5), unit([0, both[1]!, both[2]! + 1]));
      expect(memory.metrics()).toMatchObject({ leftOut: 1 });
    }
    expect(soft.metrics()).not.toHaveProperty('leftOut');
    // Of a state without it, as every one of before is, it begins anew.
    const { unrecognizable: _, ...tensors } = hard.state().tensors;
    hard.restore({ ...hard.state(), tensors });
    expectClose(Float32Array.from(hard.state().tensors.unrecognizable!.data), [0, 0, 0]);
    for (const memory of [soft, hard, hardToo]) memory.dispose();
  });

  it('leaves no tensor behind, in no use of it', () => {
    const x = batch(6, 1);
    for (const [admit, generation] of [
      ['before', 'recognizability'],
      ['after', 'recognizable'],
      ['before', 'mean'],
      ['after', 'mean'],
    ] as const) {
      for (const gradient of ['stop', 'exemplars'] as const) {
        const count = leaked(() => {
          const memory = make({ admit, gradient, generation, guardAbove: 0.1, guardVisits: 1, guardPairs: [[1, 2]] });
          const head = prototypeHead({ memory, loss: softmax });
          for (let i = 0; i < 3; i++) {
            memory.admit(x, [1, 1, 2, 2, 3, i]);
            head.loss(x, [1, 1, 2, 2, 3, 2 * i]).dispose();
            tf.grad((e) => tf.sum(head.loss(e as tf.Tensor2D, [1, 2, 1, 7, 7, i])))(x).dispose();
            memory.columns().dispose();
          }
          memory.stalenessProbe(x, [1, 2, 3, 4, 5, 6]);
          head.restore(head.state() as State);
          head.dispose();
        });
        expect(count).toBe(0);
      }
    }
  });
});

describe('PrototypeMemory', () => {
  it('takes policies as functions', () => {
    const memory = make({
      generation: ({ support }) => support,
      refresh: ({ age }) => (age > 1 ? 1 : 0),
      eviction: ({ id }) => -id, // the highest identity leaves first
    });
    memory.admit(tf.tensor2d([1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 0, 0], [4, 3]), [10, 40, 20, 30]);
    memory.admit(tf.tensor2d([0, 1, 0], [1, 3]), [10]);
    expectClose(rowsOf(memory)[0]!, [1, 0, 0]);
    memory.admit(tf.tensor2d([0, 1, 0], [1, 3]), [20]);
    expectClose(rowsOf(memory)[2]!, [0, 1, 0]);
    expect(memory.admit(batch(2, 1), [5, 6]).evicted).toEqual([40, 30]);
    memory.dispose();
    const broken = make({ refresh: () => 2, eviction: 'fifo' });
    broken.admit(batch(1, 1), [1]);
    expect(() => broken.admit(batch(1, 1), [1])).toThrow(
      'result of the function given as refresh is 2, expected a number in [0, 1].',
    );
    broken.dispose();
    const unordered = make({ eviction: ({ id, seen }) => (id === 3 || (id === 1 && seen > 2) ? Number.NaN : id) });
    unordered.admit(batch(2, 1), [1, 2]);
    const before = unordered.state();
    for (const labels of [
      [2, 3],
      [2, 1, 1],
    ]) {
      expect(() => unordered.admit(batch(labels.length, 1), labels)).toThrow(
        'result of the function given as eviction is NaN, expected a number',
      );
      expect(unordered.state()).toEqual(before);
    }
    const again = make({ eviction: () => Number.NaN });
    const empty = again.state();
    expect(() => again.restore(before)).toThrow('result of the function given as eviction');
    expect(again.state()).toEqual(empty);
    for (const one of [unordered, again]) one.dispose();
    const notFinite = make({ generation: ({ support }) => tf.mul(support, Number.NaN) });
    expect(() => notFinite.admit(batch(1, 1), [1])).toThrow('a prototype made from the batch is "not finite"');
    notFinite.dispose();
  });

  it('never lets classes of one batch evict each other', () => {
    const memory = make();
    memory.admit(batch(4, 1), [1, 2, 3, 4]);
    const { evicted, refreshed, slots } = memory.admit(batch(4, 2), [5, 1, 6, 7]); // 1 is the oldest
    expect(evicted).toEqual([2, 3, 4]);
    expect(refreshed).toEqual([1]);
    expect([...slots].sort()).toEqual([0, 1, 2, 3]);
    memory.dispose();
  });

  it('reports the last batch and the ages', () => {
    const memory = make();
    expect(memory.metrics()).toMatchObject({ occupancy: 0, hitRate: 0, meanAge: 0, maxAge: 0 });
    memory.admit(batch(3, 1), [1, 2, 3]);
    memory.admit(batch(3, 1), [1, 1, 4]);
    memory.admit(batch(2, 1), [1, 5]);
    expect(memory.metrics()).toEqual({
      classes: 2,
      hitRate: 0.5,
      refreshed: 1,
      enqueued: 1,
      evicted: 1,
      occupancy: 1,
      meanAge: (0 + 0 + 2 + 1) / 4,
      maxAge: 2,
      bytes: 4 * 3 * 4,
    });
    expect([...memory.ages()].sort()).toEqual([0, 0, 1, 2]);
    memory.dispose();
  });

  it('holds no more than its slots, however many identities pass', () => {
    const memory = make({ size: 8 });
    const x = batch(4, 1);
    for (let i = 0; i < 500; i++) memory.admit(x, [4 * i, 4 * i + 1, 4 * i + 2, 4 * i + 3]);
    const { tensors, values } = memory.state();
    expect(memory.occupied).toBe(8);
    expect([...tensors.ids!.data].sort((a, b) => a - b)).toEqual(Array.from({ length: 8 }, (_, i) => 1992 + i));
    // The index too: none that left is found.
    expect(Array.from({ length: 2000 }, (_, id) => memory.slotOf(id)).filter((slot) => slot >= 0).length).toBe(8);
    const bytes = Object.values(tensors).reduce((sum, t) => sum + t.data.byteLength, JSON.stringify(values).length);
    expect(bytes).toBeLessThan(8 * (3 * 4 + 7 * 8) + 128 * 3 * 8 + 100);
    memory.dispose();
  });

  it('refuses a state that is not its own, and stays as it was', () => {
    const memory = make();
    memory.admit(batch(3, 1), [1, 2, 3]);
    const state = memory.state();
    const other = make();
    other.admit(batch(2, 2), [8, 9]);
    const before = other.state();
    const refuses = (bad: State, message: string): void => {
      expect(() => other.restore(bad)).toThrow(message);
      expect(other.state()).toEqual(before);
    };
    const change = (name: string, data: ArrayLike<number>): State => ({
      values: state.values,
      tensors: { ...state.tensors, [name]: { ...state.tensors[name]!, data: Float64Array.from(data) } as never },
    });
    refuses(
      { values: {}, tensors: {} },
      'PrototypeMemory.restore: tensor "prototypes" is "missing", expected F32 [0,3].',
    );
    refuses({ ...state, values: { step: 1 } }, 'PrototypeMemory.restore: rng is undefined');
    refuses({ ...state, values: { ...state.values, step: -1 } }, 'step is -1, expected a count of steps.');
    refuses(change('ids', [1, 2, 1]), 'ids[2] is 1, expected an integer in [0, 2^53), each once.');
    refuses(change('written', [1, 7, 1]), 'steps of ids[1] is [1, 7], expected entry <= refresh <= 1.');
    refuses(change('seen', [1, 0, 1]), 'seen[1] is 0');
    refuses(change('confidence', [1, 1, Number.NaN]), 'confidence[2] is NaN');
    const wide = createPrototypeMemory({ size: 4, dimension: 5 });
    expect(() => wide.restore(state)).toThrow('tensor "prototypes" is "F32 [3,3]", expected F32 [3,5].');
    for (const m of [memory, other, wide]) m.dispose();
  });

  it('refuses options it cannot work with', () => {
    expect(() => make({ size: 0 })).toThrow('createPrototypeMemory: size is 0');
    const misspelled = { size: 4, refreshratio: 0.3 };
    expect(() => make(misspelled)).toThrow('an option is "refreshratio", expected one of size, dimension,');
    expect(() => make(misspelled)).toThrow('Did you mean "refreshRatio"?');
    expect(() => make({ dimension: 1.5 })).toThrow('createPrototypeMemory: dimension is 1.5');
    expect(() => make({ eviction: 'olddest' as never })).toThrow(
      'createPrototypeMemory: eviction is "olddest", expected one of oldest, fifo, random, least-confident, or a function. Did you mean "oldest"?',
    );
    expect(() => make({ refresh: 'mean' as never })).toThrow(
      'expected one of blend, replace, running-mean, age-aware, by-similarity, or a function.',
    );
    expect(() => make({ generation: 'max' as never })).toThrow('generation is "max"');
    expect(() => make({ targetPrototype: 'none' as never })).toThrow('targetPrototype is "none"');
    expect(() => make({ gradient: 'all' as never })).toThrow('gradient is "all", expected one of stop, exemplars.');
    expect(() => make({ admit: 'never' as never })).toThrow('admit is "never", expected one of before, after.');
    expect(() => make({ refreshRatio: 2 })).toThrow('refreshRatio is 2');
    expect(() => make({ hardest: 0 })).toThrow('hardest is 0');
    expect(() => make({ storage: 'float64' as never })).toThrow(
      'storage is "float64", expected one of float32, bfloat16.',
    );
    expect(() => make({ prototypeRate: 0.1, admit: 'after' })).toThrow(
      'prototypeRate is 0.1, expected 0 with admit "after".',
    );
    expect(() => make({ prototypeRate: 0.1, hardest: 5 })).toThrow('expected 0 with admit "before" and hardest.');
    const odd = { size: 4, dimension: 3, storage: 'bfloat16' } as const;
    expect(() => createPrototypeMemory.check(odd)).toThrow('dimension with storage "bfloat16" is 3');
    const [memory, guarded] = [make(), make({ hardest: 2, guardPairs: [[1, 2]] })];
    expect(() => memory.loss(batch(2, 1), [1, 2], (cosines) => tf.sum(cosines))).toThrow(
      'what it returned is "a tensor of shape [], float32", expected a tensor of shape [2], float32: one number for each sample.',
    );
    const form = { target: (c: tf.Tensor1D) => ({ logit: tf.expandDims(c, 1) }), negative: 8 };
    const column = Object.assign(() => tf.scalar(0), { form }) as unknown as CosineLoss;
    const tensors = tf.memory().numTensors;
    const x = batch(2, 1);
    for (const other of [memory, guarded]) {
      expect(() => other.loss(x, [1, 2], column)).toThrow(
        /the logit of its form's target is "a tensor of shape \[2, 1\], float32", expected a tensor of shape \[2\]/,
      );
    }
    x.dispose();
    expect(tf.memory().numTensors).toBe(tensors);
    for (const m of [memory, guarded]) m.dispose();
  });

  it('is a head', async () => {
    const head = prototypeHead({ memory: make(), loss: softmax });
    expect(head.name).toBe('prototype-memory');
    expect(head.parameters).toEqual([]);
    expect(head.loss(batch(4, 1), [1, 1, 2, 2]).shape).toEqual([4]);
    expect(head.metrics()).toMatchObject({ classes: 2, enqueued: 2 });
    const other = prototypeHead({ memory: make(), loss: softmax, name: 'mine' });
    await other.restore(await head.state());
    expect(await other.state()).toEqual(await head.state());
    expect(other.name).toBe('mine');
    for (const h of [head, other]) h.dispose();
  });

  it('refuses exemplars that do not fit', () => {
    const memory = make();
    const [x, two, wide] = [batch(4, 1), batch(2, 1), tf.zeros<tf.Rank.R2>([4, 5])];
    const labels = [1, 1, 2, 2];
    expect(() => memory.loss(x, labels, softmax, two)).toThrow('number of exemplars is 2, expected 4, one for each');
    expect(() => memory.loss(x, labels, softmax, wide)).toThrow('exemplars');
    const bad = tf.tensor2d([1, 0, 0, 1, Number.NaN, 0, 1, 0, 0, 1, 0, 0], [4, 3]);
    expect(() => memory.loss(x, labels, softmax, bad)).toThrow('exemplar 1 of 4 (identity 1)');
    expect(() => memory.loss(bad, labels, softmax, x)).toThrow('embedding 1 of 4 (identity 1)');
    expect(memory.occupied).toBe(0);
    memory.dispose();
    const flowing = make({ gradient: 'exemplars' });
    expect(() => flowing.loss(x, labels, softmax, batch(4, 2))).toThrow('stop: they are constant');
    flowing.dispose();
  });

  describe('with a momentum encoder', () => {
    /** A linear map of one pixel. */
    const linear = (values: number[]): Encoder => {
      const variable = tf.tidy(() => tf.variable(tf.tensor2d(values, [3, 3])));
      return {
        card: {
          ...{ name: 'linear', inputSize: [1, 1], embeddingSize: 3, parameters: 9, macs: 9, source: 'made for tests' },
          normalization: { mean: 0, std: 1 },
        },
        parameters: [{ name: 'weight', variable, trainable: true, decay: true }],
        apply: (images) => tf.tidy(() => tf.matMul(tf.reshape(images, [-1, 3]), variable as tf.Tensor2D)),
        dispose: () => variable.dispose(),
      };
    };
    const [start, moved] = [
      [1, 0.2, 0, 0, 1, 0.3, 0.1, 0, 1],
      [0.5, 0.4, 0, 0.3, 1.5, 0, 0, 0.2, 0.9],
    ];
    const labels = [1, 1, 2, 2, 3];
    const imagesOf = (seed: number): tf.Tensor4D => tf.reshape(batch(5, seed), [5, 1, 1, 3]);
    const headOf = (encoder: Encoder, momentum?: number): Head =>
      prototypeHead({ memory: make({ size: 5 }), loss: softmax, exemplarEncoder: encoder, momentum });

    it('makes prototypes of what follows the trained one', async () => {
      const trained = linear(moved);
      const head = headOf(linear(start), 0.75);
      const memory = make({ size: 5 });
      let weight = start;
      for (const step of [1, 2, 3]) {
        const images = imagesOf(step);
        const embeddings = trained.apply(images, { training: true });
        const follower = linear(weight);
        const expected = memory.loss(embeddings, labels, softmax, follower.apply(images));
        expectClose(head.loss(embeddings, labels, images), [...expected.dataSync()], 1e-6);
        head.afterStep!({ encoder: trained, learningRate: 0 });
        weight = weight.map((own, i) => 0.75 * own + 0.25 * moved[i]!);
      }
      const { tensors } = await head.state();
      expectClose([...tensors['encoder/weight']!.data], weight, 1e-6);

      const other = headOf(linear(moved));
      await other.restore(await head.state());
      expect(await other.state()).toEqual(await head.state());
      const plain = prototypeHead({ memory: make({ size: 5 }), loss: softmax });
      expect(() => other.restore(plain.state() as State)).toThrow('the part "encoder" of the state is "missing"');
      expect(() => head.loss(batch(5, 1), labels)).toThrow(
        /prototypeHead.loss: images is "missing".* A trainer of several processes passes none/,
      );
      const differentiable = make({ gradient: 'exemplars' });
      const encoder = linear(start);
      expect(() => prototypeHead({ memory: differentiable, loss: softmax, exemplarEncoder: encoder })).toThrow(
        'prototypeHead: gradient of the memory, together with exemplarEncoder is "exemplars", expected stop',
      );
      for (const one of [differentiable, encoder]) one.dispose();
      expect(() => headOf(linear(start), 1.5)).toThrow('prototypeHead: momentum is 1.5');
      expect(() => prototypeHead({ memory: make(), loss: softmax, momentum: 0.9 })).toThrow(
        'prototypeHead: exemplarEncoder with momentum is "missing"',
      );
      for (const one of [head, other, plain]) one.dispose();
      memory.dispose();
    });

    it('leaks nothing', () => {
      const [images, trained] = [imagesOf(1), linear(moved)];
      const count = leaked(() => {
        const head = headOf(linear(start));
        for (let i = 0; i < 3; i++) {
          tf.dispose(
            tf.variableGrads(() => tf.sum(head.loss(trained.apply(images, { training: true }), labels, images))),
          );
          head.afterStep!({ encoder: trained, learningRate: 0.1 });
        }
        head.dispose();
      });
      expect(count).toBe(0);
    });
  });

  it('saves what its loss remembers', async () => {
    const withMemory = (): { head: Head; calls: () => number } => {
      let calls = 0;
      const counted: CosineLoss = (cosines, targets) => {
        calls++;
        return softmax(cosines, targets);
      };
      const loss: CosineLoss = Object.assign(counted, {
        state: () => ({ values: { calls }, tensors: {} }),
        restore: ({ values }: State) => {
          calls = values.calls as number;
        },
      });
      return { head: prototypeHead({ memory: make(), loss }), calls: () => calls };
    };
    const [one, two] = [withMemory(), withMemory()];
    one.head.loss(batch(2, 1), [1, 2]).dispose();
    await two.head.restore(await one.head.state());
    expect(two.calls()).toBe(1);
    expect(() => two.head.restore({ values: {}, tensors: {} })).toThrow(
      'prototypeHead.restore: the part "memory" of the state is "missing"',
    );
    for (const { head } of [one, two]) head.dispose();
  });
});
