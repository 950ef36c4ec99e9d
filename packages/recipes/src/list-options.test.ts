import { expect, it } from 'vitest';
import { listOptions } from './list-options.ts';

it('lists what chooses a part, with its kinds and the one that stands', async () => {
  const text = await listOptions('');
  for (const key of ['head.kind', 'head.loss.name', 'encoder.name', 'sampler.order.kind', 'evaluation.pairs.kind'])
    expect(text).toContain(`\n  ${key} `);
  expect(await listOptions('optimizer.kind')).toMatch(
    /^ {2}optimizer\.kind +Chooses optimizer; .*\n +one of sgd, .*; default: "sgd"\n$/,
  );
  expect(await listOptions('data.kind')).toContain('one of synthetic, dataset, own; default: needed');
  expect(text).toContain('with optimizer.kind=sgd\n');
});

it('shows what a recipe has in the place of a default, of the kinds that it chooses only', async () => {
  expect(await listOptions('steps', 'demo')).toContain(
    'default: 1000; null: ten passes over the images, at most 10,000; demo: 300',
  );
  const sizes = (await listOptions('head.size', 'demo')).split('\n').filter((line) => line.includes('demo: 512'));
  expect(sizes).toHaveLength(1);
  expect(await listOptions('head.renewAge', 'demo')).not.toContain('demo:');
  // Without the data that it would ask for.
  for (const inputs of [{}, { data: undefined, init: undefined }]) {
    expect(await listOptions('evaluation.pairs.kind', 'faces', inputs)).toContain('faces: "held-out"');
  }
  await expect(listOptions('steps', 'fces')).rejects.toThrow('Did you mean "faces"?');
});

it('refuses a prefix of nothing, with the nearest', async () => {
  await expect(listOptions('hed')).rejects.toThrow('--options is "hed", expected what a key begins with');
  await expect(listOptions('hed')).rejects.toThrow('Did you mean "head"?');
  await expect(listOptions('head.lss')).rejects.toThrow('Did you mean "head.loss"?');
});
