import { describe, expect, it } from 'vitest';
import { patchConfig, settled, withPlanOf } from './config.ts';
import { type DataFacts, expectedHitRate } from './hit-rate.ts';
import { watchHitRate } from './hit-watch.ts';
import { factsOf, fillIn, planOf } from './plan.ts';
import { recipes, resolveRecipe } from './recipes/index.ts';
import { headConfigs } from './run-recipe.ts';

const GIB = 2 ** 30;
const facts = (identities: number, images: number): DataFacts => ({
  identities,
  byImages: new Map([[images, identities]]),
});
const faces = (...patches: string[]) => patchConfig(resolveRecipe('faces', { data: 'faces' }), patches);
const chosen = (identities: number, images: number, patches: readonly string[] = [], free = 8 * GIB) => {
  const { steps, sampler, head, schedule, evaluation } = fillIn(faces(...patches), facts(identities, images), free);
  const { order, classes, images: each } = sampler;
  const { groupSize, rounds } = order as { groupSize?: number; rounds?: number };
  const { warmup } = schedule;
  return {
    classes,
    images: each,
    steps,
    slots: (head as { size: number }).size,
    groupSize,
    rounds,
    warmup,
    every: evaluation.every,
  };
};

describe('a plan', () => {
  it.each([
    // Everybody has a slot.
    [[1262, 5], { classes: 64, images: 2, steps: 493, slots: 1262, groupSize: 1262, rounds: 4 }],
    // As many as 32 batches have classes at most, in groups of one size.
    [[100_000, 60], { classes: 32, images: 4, steps: 10_000, slots: 1021, groupSize: 1021, rounds: 3 }],
    [
      [100_000, 60, ['steps=20000']],
      { classes: 32, images: 4, steps: 20_000, slots: 1021, groupSize: 1021, rounds: 4 },
    ],
    [[50_000, 4], { classes: 64, images: 2, steps: 10_000, slots: 2000, groupSize: 2000, rounds: 4 }],
    // A momentum encoder keeps more of them fresh.
    [
      [50_000, 4, ['head.momentum=0.99']],
      { classes: 64, images: 2, steps: 10_000, slots: 5000, groupSize: 5000, rounds: 4 },
    ],
    // Few steps: a group that they can go through.
    [[50_000, 4, ['steps=40']], { classes: 64, images: 2, steps: 40, slots: 633, warmup: 4, every: 8, rounds: 4 }],
    [[100_000_000, 8], { classes: 64, images: 2, steps: 10_000, slots: 2048 }],
    // Fewer people than a batch has places.
    [[30, 3], { classes: 30, images: 2, steps: 15, slots: 30, warmup: 2, every: 3 }],
    // Passes in place of steps: everybody comes.
    [[100_000, 12, ['epochs=2']], { classes: 43, images: 3, slots: 1370, rounds: 4 }],
  ] as const)('of %j', ([identities, images, patches = []], expected) => {
    expect(chosen(identities, images, patches)).toMatchObject(expected);
  });

  it('keeps to the memory at hand, and to a budget', () => {
    // 128 values of 4 bytes, and what a slot takes beside them.
    const slots = (free: number, ...patches: string[]) => chosen(100_000, 60, ['steps=20000', ...patches], free).slots;
    expect(slots(2 ** 22)).toBe(814);
    expect(slots(2 ** 30, 'plan.memory=1', 'encoder.embeddingSize=512')).toBe(481);
    expect(slots(2 ** 22, 'head.storage=bfloat16')).toBe(1021);
    expect(slots(0)).toBe(32);
  });

  it('leaves every number that is said as it is', () => {
    const said = ['head.size=700', 'sampler.classes=9', 'sampler.images=5', 'sampler.order.rounds=7', 'steps=321'];
    const more = ['schedule.warmup=11', 'evaluation.every=50', 'sampler.order.groupSize=600'];
    const numbers = { slots: 700, classes: 9, images: 5, rounds: 7, steps: 321, warmup: 11, every: 50, groupSize: 600 };
    expect(chosen(100_000, 60, [...said, ...more])).toMatchObject(numbers);
    for (const each of [...said, ...more]) {
      const [key, value] = each.split('=') as [string, string];
      expect(JSON.stringify(fillIn(faces(each), facts(5000, 8), GIB))).toContain(`"${key.split('.').at(-1)}":${value}`);
    }
    for (const order of ['every-class', 'every-image', 'weighted']) {
      expect(fillIn(faces(`sampler.order=${order}`), facts(900, 8), GIB).sampler.order.kind).toBe(order);
    }
    expect(fillIn(faces('head.batchShare=0.1'), facts(900, 8), GIB).head).toMatchObject({ batchShare: 0.1 });
    expect(() => chosen(100, 4, ['steps=20', 'schedule.warmup=30'])).toThrow('schedule.warmup is 30');
    expect(() => chosen(100, 4, ['sampler.classes=40', 'head.size=20'])).toThrow('head.size is 20, expected at least');
  });

  it('leaves room for look-alikes, whose groups are three quarters of the memory', () => {
    const { slots, groupSize } = chosen(100_000, 60, ['steps=20000', 'sampler.companions=doppelgangers']);
    expect(groupSize).toBe(Math.floor(0.75 * slots));
  });

  it('gives a softmax over the batch half of the loss beside a Prototype Memory alone', () => {
    const head = (...patches: string[]) => fillIn(faces(...patches), facts(100_000, 60), GIB).head;
    expect(head()).toMatchObject({ batchShare: 0.5 });
    expect(head('head.kind=dcq')).toMatchObject({ batchShare: 0 });
    expect(head('head.loss={"name":"own","own":"mine"}')).toMatchObject({ batchShare: 0 });
    expect(head('head.kind=batch-only')).not.toHaveProperty('batchShare');
    const all = fillIn(faces('baselines=["full-softmax","batch-only"]'), facts(900, 8), GIB);
    const shares = headConfigs(all, 'out').map(({ config }) => (config.head as { batchShare?: number }).batchShare);
    expect(shares).toEqual([0.5, 0, undefined]);
  });

  it('of a recipe that leaves nothing to it changes nothing', () => {
    const demo = resolveRecipe('demo');
    const { sampler, ...rest } = fillIn(demo, facts(100_000, 16), GIB);
    expect({ ...rest, sampler: { ...sampler, order: demo.sampler.order } }).toEqual(demo);
    expect(sampler.order).toMatchObject({ groupSize: 512 });
    expect(fillIn(faces('sampler.fewImages=skip', 'sampler.images=5'), facts(9, 2), GIB).head).toMatchObject({
      size: 1,
    });
    expect(() => settled(faces())).toThrow('steps is null, expected a number');
    expect(settled(demo)).toBe(demo);
  });

  it('lfw is what it was', () => {
    const { steps, sampler, head, schedule, evaluation, ...rest } = fillIn(
      resolveRecipe('lfw', { data: 'faces' }),
      facts(1262, 5),
      GIB,
    );
    expect(steps).toBe(740);
    expect(sampler).toMatchObject({ order: { kind: 'every-image' }, classes: 64, images: 2 });
    expect(head).toMatchObject({ size: 1262, refreshRatio: 0.3, loss: { scale: 30, margin: 0.25 } });
    expect([schedule.warmup, evaluation.every, evaluation.batch]).toEqual([74, 148, 128]);
    expect(rest).toMatchObject({
      augmentation: { shift: 0.02, brightness: 0.1, contrast: 0.1 },
      encoder: { inputSize: 64, embeddingSize: 128, width: 0.5, dropout: 0.4 },
      baselines: ['full-softmax'],
    });
    expect(() => recipes.faces.differences({})).toThrow('--data is "missing"');
  });

  it('goes on with the numbers that a run was begun with, unless another one is said', () => {
    const saved = fillIn(faces(), facts(50_000, 4), 8 * GIB);
    const resumed = fillIn(withPlanOf(saved, faces('loader.prefetch=3', 'steps=12000')), facts(50_000, 4), 2 ** 20);
    expect(resumed).toEqual({ ...saved, steps: 12_000, loader: { ...saved.loader, prefetch: 3 } });
  });

  it('counts images once, whether all have as many or not', () => {
    const imagesOf = (identity: number) => 1 + (identity % 3);
    const source = { identities: 7, imagesOf } as never;
    expect([...factsOf(source).byImages]).toEqual([
      [1, 3],
      [2, 2],
      [3, 2],
    ]);
    expect(factsOf({ identities: 10 ** 12, imagesPerIdentity: 4 } as never).byImages.get(4)).toBe(10 ** 12);
  });
});

describe('what a plan says', () => {
  const of = (patches: readonly string[], data: DataFacts, remarks = [] as never[]) =>
    planOf(fillIn(faces(...patches), data, 8 * GIB), data, { remarks });

  it('is the memory, the groups, the hit rate, and what a softmax over all would hold', () => {
    const wide = ['encoder.embeddingSize=512', 'steps=20000'];
    const { sentences, expectedHitRate: expected, warning } = of(wide, facts(100_000, 60));
    expect(sentences).toEqual([
      '100,000 identities, 1,021 slots (2.0 MiB), groups of 1,021, 4 rounds: 75 % of classes will be found in memory; a softmax over all would hold 586 MiB (with gradient and momentum)',
      'encoder iresnet18 (width 0.5, 64x64), embeddings of 512; loss cos-face (scale 30, margin 0.25)',
      "batches of 32 classes x 4 images, 20,000 steps: 43 % of the data's 6,000,000 images",
      "half of the loss is over the batch's own classes alone (head.batchShare=0.5)",
    ]);
    expect(expected).toBeCloseTo(0.75, 1);
    expect(warning).toBeUndefined();
    const adam = of([...wide, 'optimizer=adam-w', 'optimizer.weightDecay=0.1'], facts(100_000, 60)).sentences[0];
    expect(adam).toContain('a softmax over all would hold 781 MiB (with gradient and two moments)');
    const full = of([...wide, 'head.kind=full-softmax'], facts(100_000, 60));
    expect(full.sentences[0]).toContain('a softmax over all holds 586 MiB');
    expect(full.expectedHitRate).toBeUndefined();
    expect(of(['steps=40'], facts(50_000, 4)).sentences[2]).toContain('they reach about 640 of the identities');
  });

  it('is also whom it leaves out, and whose images are too few', () => {
    const uneven: DataFacts = {
      identities: 100,
      byImages: new Map([
        [2, 40],
        [3, 20],
        [30, 40],
      ]),
    };
    const remark = { kind: 'passed over', reason: 'identities with fewer than 2 images', count: 4069, examples: [] };
    const { sentences } = of(['sampler.images=3'], uneven, [remark as never]);
    expect(sentences.slice(3)).toEqual([
      '4,069 more identities have fewer than data.minImages=2 images and are left out',
      '40 of the 100 identities have fewer than the 3 images that a class shows: their own are repeated, each time augmented otherwise (sampler.fewImages=repeat)',
      "half of the loss is over the batch's own classes alone (head.batchShare=0.5)",
    ]);
    expect(of(['sampler.images=3', 'sampler.fewImages=skip'], uneven).sentences[3]).toContain('they take no part');
    // The sampler refuses it.
    expect(of(['sampler.images=4', 'sampler.fewImages=skip'], facts(500, 3)).sentences.join()).not.toContain('NaN');
  });

  it.each([
    ['sampler.order=every-class', '--set sampler.order=groups'],
    ['sampler.order=every-image', '--set sampler.order=groups'],
    ['sampler.order.groupSize=9000 head.size=5000', '--set sampler.order.groupSize=5000'],
    ['sampler.order.rounds=1', '--set sampler.order.rounds=4'],
    ['head.size=10000 steps=200', '--set sampler.order.groupSize=3200'],
    [
      'head.size=10000 steps=200 sampler.order=weighted',
      '--set sampler.order=groups --set sampler.order.groupSize=3200',
    ],
    ['schedule.kind=cosine steps=1', 'Train longer than 1 steps'],
  ])('warns of %s, with a way out that helps', (patches, way) => {
    const data = facts(100_000, 8);
    const config = fillIn(faces(...patches.split(' ')), data, 8 * GIB);
    const { warning, expectedHitRate: before } = planOf(config, data, {});
    expect(before).toBeLessThan(0.5);
    expect(warning).toContain(way);
    const sets = [...warning!.matchAll(/--set (\S+?)(?=[ :])/g)].map(([, patch]) => patch!);
    if (sets.length > 0) expect(expectedHitRate(settled(patchConfig(config, sets)), data)).toBeGreaterThan(0.5);
  });
});

describe('a hit rate that stays low', () => {
  const data = facts(10_000, 8);
  const config = (...patches: string[]) =>
    fillIn(faces('head.size=640', 'sampler.classes=64', 'steps=200', ...patches), data, GIB);
  const watched = (rates: (step: number) => number | undefined, made = config(), begun = 0): string[] => {
    const said: string[] = [];
    const watch = watchHitRate(made, data, (sentence) => said.push(sentence));
    for (let step = begun + 1; step <= made.steps; step++) {
      const rate = rates(step);
      watch(step, rate === undefined ? {} : { 'head/hitRate': rate });
    }
    return said;
  };
  const asPlanned = (step: number): number => (Math.floor((step - 1) / 10) % 4 === 0 ? 0 : 1);

  it('is told once, not before there is something to tell', () => {
    expect(watched(asPlanned)).toEqual([]);
    const said = watched(() => 0.1);
    expect(said).toHaveLength(1);
    expect(said[0]).toContain(
      'only 10 % of classes were found in memory up to step 40, where 73 % were to be expected: the others come as new ones and are never refreshed. Take more slots',
    );
    expect(watched(() => 0.1, config('head.eviction=random'))[0]).toContain('--set head.eviction=oldest');
    const alike = config('sampler.companions=doppelgangers');
    expect(watched(() => 0.1, alike)[0]).toContain('--set sampler.order.groupSize=480');
    expect(watched(() => undefined)).toEqual([]);
  });

  it('counts from where a run goes on', () => {
    expect(watched(asPlanned, config(), 35)).toEqual([]);
    expect(watched(() => 0.1, config(), 35)).toHaveLength(1);
  });

  it('of a head whose rate cannot be told beforehand is told when its columns are full', () => {
    const pool = config('head.kind=dynamic-class-pool');
    expect(watched(() => 0.1, pool)[0]).toContain('only 10 % of classes were found in memory up to step 20: ');
    expect(watched(() => 0.6, pool)).toEqual([]);
  });
});
