import { describe, expect, it } from 'vitest';
import { parseConfig, patchConfig, sayings } from './config.ts';
import { recipes, resolveRecipe } from './recipes/index.ts';

const demo = resolveRecipe('demo', {});

describe('configuration', () => {
  it.each(Object.keys(recipes))('of recipe %s is complete', (name) => {
    const config = resolveRecipe(name, name === 'demo' ? {} : { data: 'faces', init: 'encoder.safetensors' });
    expect(parseConfig(JSON.parse(JSON.stringify(config)), name)).toEqual(config);
  });

  it('says itself only what is not at its default, which makes the whole again', () => {
    for (const name of ['demo', 'faces', 'lfw']) {
      const config = resolveRecipe(name, name === 'demo' ? {} : { data: 'faces' });
      expect(parseConfig(sayings(config), name)).toEqual(config);
    }
    expect(sayings(patchConfig(demo, ['encoder.freezeDepth=0.5']))).toMatchObject({ encoder: { freezeDepth: 0.5 } });
    expect((sayings(demo) as typeof demo).encoder).not.toHaveProperty('freezeDepth');
    // Nor a section of which nothing is said, or a release that adds one would make another configuration of it.
    expect(demo.distillation.teacher).toBe(null);
    expect(sayings(demo)).not.toHaveProperty('distillation');
  });

  it('makes groups as large as the memory unless told otherwise, also for baselines without one', () => {
    const larger = patchConfig(demo, ['head.size=700']);
    expect(larger.sampler.order).toMatchObject({ groupSize: 700 });
    expect(patchConfig(larger, ['head.kind=full-softmax']).sampler.order).toMatchObject({ groupSize: 700 });
    const own = patchConfig(demo, ['sampler.order.groupSize=20', 'head.size=700']);
    expect(own.sampler.order).toMatchObject({ groupSize: 20 });
  });

  it('takes patches in order, JSON or text', () => {
    const config = patchConfig(demo, [
      ...['schedule.warmup=2', 'steps=7', 'encoder.name=mobilefacenet', 'encoder.width=0.5', 'steps=8'],
    ]);
    expect(config.steps).toBe(8);
    expect(config.encoder).toMatchObject({ name: 'mobile-face-net', width: 0.5 });
    expect(demo.encoder.name).toBe('iresnet18');
  });

  it('has options that only some encoders have, with those', () => {
    const vit = patchConfig(demo, ['encoder.name=vit-tiny', 'encoder.dropPath=0.2']);
    expect(vit.encoder).toMatchObject({ name: 'vit-tiny', dropPath: 0.2 });
    expect(patchConfig(demo, ['encoder.name=vit-small']).encoder).toMatchObject({ dropPath: 0.05 });
    expect(patchConfig(vit, ['encoder.name=iresnet18']).encoder).not.toHaveProperty('dropPath');
    expect(() => patchConfig(demo, ['encoder.dropPath=0.2'])).toThrow('a key is "encoder.dropPath"');
  });

  it('changes the kind of a part and keeps what both kinds have', () => {
    const config = patchConfig(demo, ['head.kind=full-softmax']);
    const { size, loss } = demo.head as { size: number; loss: object };
    expect(config.head).toEqual({ kind: 'full-softmax', centers: 1, loss, batchShare: 0.5 });
    expect(patchConfig(demo, ['head.kind=dcq', 'head.momentum=0.99']).head).toEqual({
      kind: 'dcq',
      size,
      momentum: 0.99,
      loss,
      batchShare: 0.5,
    });
    // None of a memory is not that of a head which cannot be without.
    expect(patchConfig(demo, ['head.kind=dcq']).head).toMatchObject({ momentum: 0.999 });
  });

  it('refuses unknown keys, names and values by their key', () => {
    expect(() => patchConfig(demo, ['head.sizes=3'])).toThrow('--set: a key is "head.sizes"');
    expect(() => patchConfig(demo, ['head.sizes=3'])).toThrow('Did you mean "head.size"?');
    expect(() => patchConfig(demo, ['encoder.nmae=x'])).toThrow('Did you mean "encoder.name"?');
    expect(() => patchConfig(demo, ['steps=0'])).toThrow('--set: steps is 0');
    expect(() => patchConfig(demo, ['encoder.width=wide'])).toThrow('--set: encoder.width is "wide"');
    expect(() => patchConfig(demo, ['head.kind=softmax'])).toThrow('head.kind is "softmax"');
    expect(() => patchConfig(demo, ['steps'])).toThrow('expected key.path=value');
    expect(() => parseConfig({ ...demo, extra: 1 }, 'config.json')).toThrow('config.json: a key is "extra"');
  });

  it('says how a text that looks like a number is set', () => {
    const data = { data: 'faces' };
    const patched = (patch: string) => patchConfig(resolveRecipe('faces', data), [patch]);
    expect(() => patched('data.path=2024')).toThrow(
      `data.path is 2024, expected text. Quote what is text: --set 'data.path="2024"'.`,
    );
    expect(patched('data.path="2024"').data).toMatchObject({ path: '2024' });
  });

  it('refuses what a loss refuses, and a filter where there is nothing to filter, before anything is made', () => {
    expect(() => patchConfig(demo, ['head.loss={"name":"mag-face","lengths":[110,10]}'])).toThrow('lengths[1] is 10');
    const filtered = ['head.loss={"name":"triplet","interClassFilter":0.4}'];
    expect(() => patchConfig(demo, filtered)).toThrow('head.loss.interClassFilter is 0.4, expected null');
    expect(patchConfig(demo, ['head.loss.interClassFilter=0.4']).head).toMatchObject({
      loss: { interClassFilter: 0.4 },
    });
  });

  it('refuses what a memory refuses, before anything is made', () => {
    for (const other of ['head.hardest=10', 'head.admit=after']) {
      expect(() => patchConfig(demo, ['head.prototypeRate=0.1', other])).toThrow('prototypeRate is 0.1, expected 0');
    }
  });

  it('re-encodes no more classes than there are slots, for heads that can', () => {
    const reencode = ['head.size=64', 'head.reencode.every=8'];
    expect(patchConfig(demo, reencode).head).toMatchObject({
      reencode: { every: 8, classes: 32, images: 2, ratio: 1 },
    });
    expect(() => patchConfig(demo, [...reencode, 'head.reencode.classes=65'])).toThrow(
      'head.reencode.classes is 65, expected at most head.size, 64',
    );
    const one = ['head.reencode.classes=1', 'head.reencode.images=1'];
    expect(() => patchConfig(demo, [...reencode, ...one])).toThrow('head.reencode.classes times images is 1');
    expect(() => patchConfig(demo, [...reencode, 'head.momentum=0.99'])).toThrow(
      'head.reencode.every is 8, expected 0, with head.momentum',
    );
    expect(() => patchConfig(demo, ['head.kind=full-softmax', 'head.reencode.every=8'])).toThrow('reencode');
    expect(patchConfig(demo, [...reencode, 'head.kind=full-softmax']).head).not.toHaveProperty('reencode');
  });

  it('has a guard where there is a memory, and refuses it elsewhere', () => {
    const guarded = patchConfig(demo, ['head.guardAbove=0.75', 'head.guardVisits=2']);
    expect(guarded.head).toMatchObject({ guardAbove: 0.75, guardVisits: 2, guardLimit: 4096 });
    expect(demo.head).toMatchObject({ guardAbove: null });
    expect(() => patchConfig(demo, ['head.guardAbove=1.5'])).toThrow('head.guardAbove is 1.5');
    expect(() => patchConfig(demo, ['head.guardPairs=[[1,2]]'])).toThrow('a key is "head.guardPairs"');
    expect(() => patchConfig(demo, ['head.kind=dcq', 'head.guardAbove=0.75'])).toThrow('a key is "head.guardAbove"');
  });

  it('refuses a recipe that is not there, or without its data', () => {
    expect(() => resolveRecipe('demmo', {})).toThrow('Did you mean "demo"?');
    expect(() => resolveRecipe('lfw', {})).toThrow('--data is "missing"');
    expect(() => resolveRecipe('demo', { data: 'faces' })).toThrow('the demo draws its own faces');
  });

  it('takes the name of a part in several kinds for the part', () => {
    const config = patchConfig(demo, ['sampler.order=weighted', 'sampler.order.power=1', 'head.loss=arc-face']);
    expect(config.sampler.order).toEqual({ kind: 'weighted', power: 1 });
    expect(config.head).toMatchObject({ loss: { name: 'arc-face', scale: 30 } });
    expect(parseConfig({ ...demo, optimizer: 'adam-w' }, 'a file').optimizer.kind).toBe('adam-w');
    expect(() => patchConfig(demo, ['sampler.order=group'])).toThrow('Did you mean "groups"?');
    expect(() => patchConfig(demo, ['sampler.order=weighted', 'sampler.order.rounds=2'])).toThrow(
      'a key is "sampler.order.rounds"',
    );
  });

  it.each([
    ['companions', 'doppelgangers'],
    ['companions', 'multi-doppelgangers'],
    ['imageChoice', 'hard'],
  ])('has sampler.%s=%s only where the head sees look-alikes, and plans ready in time', (key, kind) => {
    const mined = patchConfig(demo, [`sampler.${key}=${kind}`]);
    expect(mined.sampler).toMatchObject({ order: { kind: 'groups' }, mining: { lag: 4 } });
    expect(() => patchConfig(mined, ['head.kind=dcq'])).toThrow(
      `a head for sampler.${key}=${kind} is "dcq", expected a head that sees who looks like whom: prototype-memory`,
    );
    expect(() => patchConfig(mined, ['baselines=["full-softmax"]'])).toThrow('Set baselines=[]');
    expect(() => patchConfig(mined, ['loader.prefetch=9'])).toThrow('at least loader.prefetch, 9');
    expect(patchConfig(demo, ['loader.prefetch=9', 'head.kind=dcq']).loader.prefetch).toBe(9);
  });

  it('refuses a share of hard images that is less than an image', () => {
    expect(() => patchConfig(demo, ['sampler.imageChoice=hard', 'sampler.images=1'])).toThrow(
      'sampler.imageChoice.share is 0.5, expected at least 1: one of the sampler.images=1 of a class',
    );
  });
});
