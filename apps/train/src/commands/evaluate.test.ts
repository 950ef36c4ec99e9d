import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadEngine } from '@protomem/engine';
import sharp from 'sharp';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { drawPeople, images, pairLines, people, storeEmbeddings, writeIn } from '../../fixtures/twelve-people.ts';
import { compare } from './compare.ts';
import { type EvaluateOptions, evaluate } from './evaluate.ts';

let dir: string;
let printed: string[];
const base = { batch: 16 } as const;
const run = (model: string, options: Partial<EvaluateOptions>): Promise<void> =>
  evaluate(model, { ...base, ...options });
const metricsOf = async (out: string) => JSON.parse(await readFile(join(out, 'metrics.json'), 'utf8'));
const file = (name: string, text: string): Promise<string> => writeIn(dir, name, text);
const stored = (name: string, of: Parameters<typeof storeEmbeddings>[2], noise?: number): Promise<string> =>
  storeEmbeddings(dir, name, of, noise);

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'protomem-evaluate-'));
  await loadEngine({});
  await drawPeople(dir);
}, 60_000);
afterAll(() => rm(dir, { recursive: true }));
beforeEach(() => {
  printed = [];
  vi.spyOn(console, 'log').mockImplementation((line: string) => printed.push(String(line)));
});
afterEach(() => vi.restoreAllMocks());

describe('evaluate', () => {
  it('writes metrics, page, plots and scores of a list with Windows line ends', async () => {
    const model = await stored('good', images, 0.3);
    const list = await file('pairs.txt', `\uFEFF${pairLines.join('\r\n')}\r\n`);
    const out = join(dir, 'out-pairs');
    await run(model, { protocol: 'pairs', images: join(dir, 'faces'), list, out });
    const metrics = await metricsOf(out);
    expect(metrics).toMatchObject({ kind: 'pairs', protocol: 'Pair list: pairs.txt', images: 48 });
    expect(metrics.verification).toMatchObject({ positives: 24, negatives: 24 });
    expect(metrics.verification.accuracy).toBeGreaterThan(0.8);
    const scores = (await readFile(join(out, 'scores.tsv'), 'utf8')).trimEnd().split('\n');
    expect(scores).toHaveLength(49);
    expect(scores[1]).toMatch(/^\d\.\d{6}\t1\tPerson No 0\/Person No 0_0001\.jpg\tPerson No 0\/Person No 0_0002\.jpg$/);
    const page = await readFile(join(out, 'report.html'), 'utf8');
    for (const title of ['ROC', 'DET', 'Scores', 'Folds', 'Probabilities', 'Hardest pairs'])
      expect(page).toContain(title);
    expect(page.match(/data:image\/jpeg/g)!.length).toBe(48);
    expect(page).not.toMatch(/<script|https?:\/\/(?!www\.w3\.org)/);
    for (const name of ['roc', 'det', 'scores', 'folds', 'probabilities']) {
      const svg = await readFile(join(out, 'plots', `${name}.svg`), 'utf8');
      expect(svg).not.toContain('var(');
      const { width, height, channels } = await sharp(join(out, 'plots', `${name}.png`)).metadata();
      expect(width! > 1000 && height! > 700 && channels! >= 3).toBe(true);
      const { channels: statistics } = await sharp(join(out, 'plots', `${name}.png`)).stats();
      expect(Math.max(...statistics.map(({ stdev }) => stdev))).toBeGreaterThan(5);
    }
    expect(printed.join('\n')).toMatch(/accuracy over 10 folds\s+\S+ %/);
  });

  it('never overwrites results, and compares those of two models', async () => {
    const list = await file('pairs.txt', pairLines.join('\n'));
    const options = { protocol: 'pairs', images: join(dir, 'faces'), list, out: join(dir, 'out-twice') };
    await run(await stored('best', images, 0.01), options);
    const first = await readFile(join(dir, 'out-twice', 'metrics.json'), 'utf8');
    await run(await stored('bad', images, 3), options);
    expect(await readFile(join(dir, 'out-twice', 'metrics.json'), 'utf8')).toBe(first);
    await compare([join(dir, 'out-twice'), join(dir, 'out-twice-2')], join(dir, 'compared.html'));
    expect(printed.join('\n')).toMatch(/bad\.npy: -\d+\.\d+ ± \S+ points, p = /);
    expect((await stat(join(dir, 'compared-plots', 'roc.svg'))).size).toBeGreaterThan(1000);
  });

  it('takes the threshold of View 1 from its own list', async () => {
    const list = await file('test.txt', `1\n${pairLines.slice(0, 4).join('\n')}`.replace(/^1\n/, '2\n'));
    const development = await file('train.txt', pairLines.slice(8).join('\n'));
    const out = join(dir, 'out-view1');
    const model = await stored('good1', images);
    await run(model, { protocol: 'lfw-view1', images: join(dir, 'faces'), list, development, out });
    expect((await metricsOf(out)).holdOut).toMatchObject({ accuracy: 1, pairs: 4 });
    expect(printed.join('\n')).toContain('accuracy, threshold of its own list');
  });

  it('reads CFP, two-line lists and data sets', async () => {
    const cfp = join(dir, 'cfp');
    const shots: (readonly [string, number])[] = [];
    for (const [kind, letter] of [
      ['frontal', 'F'],
      ['profile', 'P'],
    ] as const) {
      const lines = people.map((_, i) => {
        const path = `Data/Images/${String(i + 1).padStart(3, '0')}/${kind}/01.jpg`;
        shots.push([path, i]);
        return `${i + 1} ../${path}`;
      });
      await file(`cfp/Protocol/Pair_list_${letter}.txt`, lines.join('\n'));
    }
    for (const [path] of shots) await file(`cfp/${path}`, 'not looked at');
    for (let fold = 1; fold <= 10; fold++) {
      const at = `cfp/Protocol/Split/FP/${String(fold).padStart(2, '0')}`;
      await file(`${at}/same.txt`, `${fold},${fold}\n`);
      await file(`${at}/diff.txt`, `${fold},${fold + 1}\n`);
    }
    await run(await stored('shots', shots), { protocol: 'cfp-fp', images: cfp, out: join(dir, 'out-cfp') });
    expect((await metricsOf(join(dir, 'out-cfp'))).verification).toMatchObject({ positives: 10, areaUnderCurve: 1 });

    const flat = people.flatMap((_, i) => [1, 2].map((n) => [`Flat_${i}_000${n}.jpg`, i] as const));
    for (const [name] of flat) await file(`flat/${name}`, 'not looked at');
    const same = people.map((_, i) => `Flat_${i}_0001.jpg 1\nFlat_${i}_0002.jpg 1\n`);
    const other = people.map((_, i) => `Flat_${i}_0001.jpg 0\nFlat_${(i + 1) % 12}_0002.jpg 0\n`);
    const list = await file('two-line.txt', [...same, ...other].join(''));
    const flats = { protocol: 'two-line', images: join(dir, 'flat'), list, out: join(dir, 'out-flat') };
    await run(await stored('flat', flat), flats);
    expect((await metricsOf(join(dir, 'out-flat'))).verification.folds).toHaveLength(10);
  });

  it('finds templates of IJB in both kinds of galleries, and their pairs', async () => {
    // Two media a template; four people are in no gallery... of the first, four in none of the second.
    const members: string[] = [];
    const faces: (readonly [string, number])[] = [];
    people.forEach((_, person) => {
      for (let n = 0; n < 6; n++) {
        const name = `${person * 6 + n + 1}.jpg`;
        faces.push([name, person]);
        members.push(`${name} ${2 * person + (n < 3 ? 0 : 1)} ${n % 2}`);
      }
    });
    await file('ijb/ijbc_face_tid_mid.txt', members.join('\n'));
    const five = '38 52 73 52 56 72 41 92 71 92';
    await file('ijb/ijbc_name_5pts_score.txt', faces.map(([name]) => `${name} ${five} 0.9`).join('\n'));
    const pairs = people.flatMap((_, i) => [`${2 * i} ${2 * i + 1} 1`, `${2 * i} ${(2 * i + 3) % 24} 0`]);
    await file('ijb/ijbc_template_pair_label.txt', pairs.join('\r\n'));
    const table = (rows: readonly (readonly [number, number])[]) =>
      `TEMPLATE_ID,SUBJECT_ID,FILENAME\n${rows.map((row) => `${row.join()},x.jpg`).join('\n')}\n`;
    const entry = (i: number): readonly [number, number] => [2 * i, i];
    await file('ijb/ijbc_1N_gallery_G1.csv', table([0, 1, 2, 3, 4, 5].map(entry)));
    await file('ijb/ijbc_1N_gallery_G2.csv', table([6, 7, 8, 9, 10, 11].map(entry)));
    await file('ijb/ijbc_1N_probe_mixed.csv', table(people.map((_, i) => [2 * i + 1, i])));
    const model = await stored('ijb', faces);
    const meta = join(dir, 'ijb');
    await run(model, { protocol: 'ijb-1:1', meta, out: join(dir, 'out-11') });
    const one = await metricsOf(join(dir, 'out-11'));
    expect(one.verification).toMatchObject({ positives: 12, negatives: 12, areaUnderCurve: 1 });
    // Twelve strangers cannot tell 1e-6: said so, and beside it what the nearest point would be.
    expect(one.verification.tarAtFar.at(-1)).toMatchObject({ far: 1e-6, reachable: false });
    expect(one.nearest.at(-1).tar).toBe(1);
    await run(model, { protocol: 'ijb-1:n', meta, out: join(dir, 'out-1n') });
    const { results } = await metricsOf(join(dir, 'out-1n'));
    expect(results.map(({ convention }: { convention: string }) => convention)).toEqual([
      'separate galleries',
      'merged galleries',
    ]);
    expect(results[0].ranks[0].rate).toBe(1);
    expect(results[1].ranks[0].rate).toBe(1);
  });

  it('ranks among distractors with and without noise, and finds the nearest of a data set', async () => {
    const probes = images.map(([name]) => name);
    const others = Array.from({ length: 20 }, (_, i) => [`d/9/${i}.jpg`, 100 + i] as const);
    // Some distractors are people of the probe set.
    const noisy = [...others, ...[0, 1, 2, 3, 4].map((i) => [`d/9/noise${i}.jpg`, i] as const)];
    const list = await file('probes.json', JSON.stringify({ path: probes, id: images.map(([, person]) => person) }));
    const distractors = await file('distractors.txt', noisy.map(([name]) => name).join('\n'));
    const noises = await file('noises.txt', [0, 1, 2, 3, 4].map((i) => `${i}\td/9/noise${i}.jpg`).join('\n'));
    const out = join(dir, 'out-mega');
    const model = await stored('mega', [...images, ...noisy], 0.3);
    const options = { protocol: 'megaface', images: dir, list, distractors, distractorNoises: noises, out };
    await run(model, options);
    const { raw, clean } = await metricsOf(out);
    expect(raw.distractors).toBe(25);
    expect(clean.distractors).toBe(20);
    expect(clean.ranks[0].rate).toBeGreaterThan(raw.ranks[0].rate);

    await run(model, { protocol: 'retrieval', images: join(dir, 'faces'), out: join(dir, 'out-near') });
    expect((await metricsOf(join(dir, 'out-near'))).result).toMatchObject({ queries: 48, alone: 0 });
  });

  it('names what is wrong', async () => {
    const model = await stored('few', images.slice(0, 8));
    const list = await file('pairs.txt', pairLines.join('\n'));
    const faces = join(dir, 'faces');
    await expect(run(model, { protocol: 'pairs', images: faces, list })).rejects.toThrow(
      'few.txt: Person No 5/Person No 5_0003.jpg is "missing, or there',
    );
    await expect(run(model, { protocol: 'lfw', images: faces })).rejects.toThrow('--list is "missing"');
    await expect(run(model, { protocol: 'ijb' })).rejects.toThrow('expected one of lfw,');
    await expect(run(model, {})).rejects.toThrow('--protocol is "missing"');
    await expect(run(model, { protocol: 'pairs', images: dir, list })).rejects.toThrow(
      /48 of 48 images missing, the first Person No 0\/Person No 0_0001\.jpg/,
    );
    await expect(run(model, { protocol: 'ijb-1:1', meta: faces })).rejects.toThrow('--meta is');
    const bad = await file('bad.txt', pairLines.join('\n').replace('Person No 3\t3\t4', 'Person No 3\t3'));
    await expect(run(model, { protocol: 'pairs', images: faces, list: bad })).rejects.toThrow('bad.txt: line 14');
    await expect(run(join(dir, 'nowhere.onnx'), { protocol: 'pairs', images: faces, list })).rejects.toThrow(
      'nowhere.onnx is "missing"',
    );
    const text = await file('text.onnx', 'hello');
    await expect(run(text, { protocol: 'pairs', images: faces, list })).rejects.toThrow('expected an ONNX model');
  });
});
