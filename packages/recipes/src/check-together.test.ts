import { expect, it } from 'vitest';
import { checkAmongRanks } from './check-together.ts';
import { patchConfig } from './config.ts';
import { resolveRecipe } from './recipes/index.ts';

it('refuses several processes what needs the images of a whole batch', () => {
  const demo = patchConfig(resolveRecipe('demo', {}), ['baselines=["partial-fc","full-softmax"]']);
  const check = (size: number, ...patches: string[]) => checkAmongRanks('train', patchConfig(demo, patches), size);
  check(2);
  for (const kind of ['dcq', 'dynamic-class-pool', 'semi-siamese']) {
    check(1, `head.kind=${kind}`);
    expect(() => check(2, `head.kind=${kind}`)).toThrow(`a head for 2 ranks is "${kind}"`);
    expect(() => check(2, `baselines=["${kind}"]`)).toThrow(`a head for 2 ranks is "${kind}"`);
  }
  check(2, 'head.sharded=true', 'head.loss.name=arc-face');
  check(2, 'head.sharded=true', 'head.hardest=10', 'head.loss.name=triplet');
  expect(() => check(2, 'head.loss.name=triplet', 'head.sharded=true')).toThrow(
    'head.sharded is true, expected false: the loss triplet needs all columns in one process',
  );
  expect(() => check(2, 'head.prototypeRate=0.1', 'head.sharded=true')).toThrow(
    'prototypeRate is 0.1, expected 0 with sharded',
  );
  // A baseline is compared on equal terms.
  const divided = patchConfig(demo, ['head.sharded=true']);
  expect(patchConfig(divided, ['head.kind=partial-fc']).head).toMatchObject({ kind: 'partial-fc', sharded: true });
  expect(() => patchConfig(divided, ['head.kind=partial-fc', 'head.loss.name=uni-face'])).toThrow(
    'head.sharded is true',
  );
  check(1, 'head.momentum=0.99');
  expect(() => check(2, 'head.momentum=0.99')).toThrow('head.momentum is 0.99, expected null, for 2 ranks');
  check(1, 'distillation.teacher=large.safetensors');
  expect(() => check(3, 'distillation.teacher=large.safetensors')).toThrow('expected null, for 3 ranks');
});

it('refuses a schedule that has too few steps to rise and fall', () => {
  const demo = resolveRecipe('demo', {});
  const one = (steps: number) =>
    patchConfig(demo, ['schedule.kind=one-cycle', `steps=${steps}`, 'schedule.warmup=0', 'evaluation.every=0']);
  expect(one(2).steps).toBe(2);
  expect(() => one(1)).toThrow('steps is 1, expected at least 2, with schedule.kind=one-cycle');
});

it('refuses a baseline that is named twice', () => {
  const twice = 'baselines=["batch-only","dcq","batch-only"]';
  expect(() => patchConfig(resolveRecipe('demo', {}), [twice])).toThrow(
    'baselines is "batch-only", expected each once',
  );
});
