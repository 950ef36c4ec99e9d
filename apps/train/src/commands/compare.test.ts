import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { verificationReport } from '@protomem/evaluation';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { compare } from './compare.ts';

let dir: string;
let printed: string[];
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'protomem-compare-'));
  printed = [];
  vi.spyOn(console, 'log').mockImplementation((line: string) => printed.push(line));
});
afterEach(async () => {
  vi.restoreAllMocks();
  await rm(dir, { recursive: true });
});

/** A finished run whose encoder takes the first `wrong` of each ten strangers for the same person. */
async function run(
  name: string,
  wrong: number,
  pairs: object = { kind: 'lfw', file: 'pairs.txt' },
  data: object = { kind: 'dataset', path: 'faces' },
  seed = 0,
): Promise<string> {
  const labels = Array.from({ length: 200 }, (_, i) => Number(i % 20 < 10));
  const scores = labels.map((label, i) => (label || i % 10 < wrong ? 0.8 : 0.1) + i / 1e5);
  const out = join(dir, name);
  await mkdir(out);
  await writeFile(join(out, 'log.jsonl'), '{"step":1,"train/loss":3}\n{"step":2,"train/loss":2}\n');
  const head = {
    ...{ kind: 'prototype-memory', name: 'prototype-memory', seconds: 60, steps: 2, imagesPerSecond: 100 },
    ...{ verification: verificationReport(scores, labels), falseMatches: [], falseNonMatches: [], skipped: [] },
  };
  const config = { seed, data, evaluation: { pairs } };
  const engine = {
    engine: 'node',
    backend: 'tensorflow',
    device: 'cpu',
    version: '2',
    threads: 2,
    precision: 'float32',
  };
  const metrics = { engine: { ...engine, passedOver: [] }, config, seconds: 60, heads: [head] };
  await writeFile(join(out, 'metrics.json'), JSON.stringify(metrics));
  return out;
}

/** An evaluation of the pairs of `run`. */
async function evaluation(name: string, more: object = {}): Promise<string> {
  const out = await run(name, 1);
  const { heads } = JSON.parse(await readFile(join(out, 'metrics.json'), 'utf8'));
  const { verification } = heads[0];
  const facts = { kind: 'pairs', model: name, by: 'ONNX', protocol: 'lfw', seconds: 1, options: {}, verification };
  await writeFile(join(out, 'metrics.json'), JSON.stringify({ ...facts, ...more }));
  return out;
}

describe('compare', () => {
  it('sets runs beside each other, and says how sure a difference is', async () => {
    const runs = [await run('good', 1), await run('bad', 4), await run('same', 1)];
    await compare(runs, join(dir, 'page.html'));
    const text = printed.join('\n');
    expect(text).toMatch(/good\s+94\.50 ±/);
    expect(text).toMatch(/bad: -15\.00 ± \S+ points, p = 0\.0020/);
    expect(text).toMatch(/same: \+0\.00 ± 0\.00 points, p = 1\.0, no difference shown/);
    const page = await readFile(join(dir, 'page.html'), 'utf8');
    for (const name of ['good', 'bad', 'same']) expect(page).toContain(name);
    expect(page).toContain('<svg');
  });

  it('puts its charts beside a page of any name', async () => {
    await compare([await run('one', 1), await run('two', 4)], join(dir, 'page'));
    expect(await readFile(join(dir, 'page'), 'utf8')).toContain('<svg');
    expect(await readdir(join(dir, 'page-plots'))).not.toEqual([]);
  });

  it('does not compare what was tested on other pairs', async () => {
    const others = await run('two', 2, { kind: 'lfw', file: 'others.txt' });
    await compare([await run('one', 1), others], join(dir, 'page.html'));
    expect(printed.join('\n')).toContain('two: tested on other pairs, or in another way: no comparison');
  });

  it('does not compare what was found in other ways', async () => {
    const options = { arithmetic: 'insightface' };
    const one = await evaluation('one', { options });
    const { verification } = JSON.parse(await readFile(join(one, 'metrics.json'), 'utf8'));
    const runs = [
      ...[one, await evaluation('two', { options })],
      await evaluation('rule', { options: { arithmetic: 'exact' } }),
      await evaluation('hold-out', { options, holdOut: { accuracy: 1, pairs: 4 } }),
      await evaluation('folds', { options, verification: { ...verification, folds: verification.folds.slice(5) } }),
    ];
    await compare(runs, join(dir, 'page.html'));
    const text = printed.join('\n');
    expect(text).toMatch(/two: \+0\.00/);
    for (const name of ['rule', 'hold-out', 'folds']) expect(text).toContain(`${name}: tested on other pairs, or`);
  });

  it.each(['other-images', 'held-out'])('knows that pairs of kind %s are drawn from the data', async (kind) => {
    const of = (name: string, path: string) => run(name, 1, { kind }, { kind: 'dataset', path });
    await compare(
      [await of('one', 'staff'), await of('two', 'staff'), await of('three', 'guests')],
      join(dir, 'a.html'),
    );
    const text = printed.join('\n');
    expect(text).toMatch(/two: \+0\.00/);
    expect(text).toContain('three: tested on other pairs, or in another way: no comparison');
  });

  it('knows that synthetic pairs beside a data set follow the seed', async () => {
    const of = (name: string, seed: number) => run(name, 1, { kind: 'synthetic' }, undefined, seed);
    await compare([await of('one', 1), await of('two', 1), await of('three', 2)], join(dir, 'a.html'));
    const text = printed.join('\n');
    expect(text).toMatch(/two: \+0\.00/);
    expect(text).toContain('three: tested on other pairs, or in another way: no comparison');
  });

  it('refuses one run, and folders that hold none', async () => {
    const one = await run('one', 1);
    await expect(compare([one], join(dir, 'a.html'))).rejects.toThrow('at least two runs');
    await expect(compare([one, join(dir, 'nowhere')], join(dir, 'a.html'))).rejects.toThrow('nowhere is "missing"');
  });
});
