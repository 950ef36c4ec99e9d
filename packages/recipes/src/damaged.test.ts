import { parseJson } from '@protomem/core';
import { damageText, fuzz, fuzzTimeout, jsonPieces } from '@protomem/core/testing';
import { verificationReport } from '@protomem/evaluation';
import { expect, it } from 'vitest';
import { parseConfig, patchConfig } from './config.ts';
import { resolveRecipe } from './recipes/index.ts';
import { readRunMetrics } from './results.ts';

const config = resolveRecipe('demo', {});
const pieces = [...jsonPieces, '"kind":"x"', '"few":1,', '"rivals":[],', '"head":{},', '0', '-5', '"auto"'];

it('refuses damaged configurations', fuzzTimeout, async () => {
  const text = JSON.stringify(config);
  await fuzz('config.json', (random) => {
    const damaged = damageText(text, random, pieces).toString();
    return parseConfig(parseJson(damaged, { where: 'config.json', what: 'its text' }), 'config.json');
  });
});

it('refuses damaged patches of a configuration', fuzzTimeout, async () => {
  const patches = ['head.kind=dcq', 'head={"kind":"prototype-memory","size":8}', 'baselines=["dcq"]', 'steps=5'];
  await fuzz('--set', (random, i) =>
    patchConfig(config, [damageText(patches[i % 4]!, random, [...pieces, '=', '.', '__proto__']).toString()]),
  );
});

it('refuses damaged results', fuzzTimeout, async () => {
  const verification = verificationReport([0.9, 0.8, 0.1, 0.7, 0.3, 0.2], [1, 1, 0, 1, 0, 0], { folds: 2, bins: 4 });
  const head = {
    ...{ kind: 'prototype-memory', name: 'a', seconds: 1, steps: 2, imagesPerSecond: 3, verification },
    ...{ falseMatches: [[1, 0.5]], falseNonMatches: [], skipped: [], rivals: [{ id: 1, rival: 2, cosine: 0.5 }] },
    memory: { slots: 8, used: 4, ages: [1, 2], staleness: [{ from: 1, to: 1, count: 2, meanCosine: 0.9 }] },
  };
  const saved = { engine: { engine: 'cpu' }, config, seconds: 5, heads: [head] };
  const text = JSON.stringify(saved);
  const read = (json: string) =>
    readRunMetrics(parseJson(json, { where: 'metrics.json', what: 'its text' }), 'metrics.json');
  expect(read(text).heads[0]!.lookAlikes).toEqual([{ id: 1, lookAlike: 2, cosine: 0.5 }]);
  expect(() => read('{}')).toThrow('metrics.json: engine is "missing", expected an object');
  await fuzz('results: metrics.json', (random) => read(damageText(text, random, pieces).toString()));
});
