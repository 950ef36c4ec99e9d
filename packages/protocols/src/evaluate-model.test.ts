import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadEngine } from '@protomem/engine';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { flattening } from '../fixtures/onnx-file.ts';
import { type EvaluateModelOptions, evaluateModel, type Task, testByProtocol } from './evaluate-model.ts';
import { protocols } from './protocols.ts';

let dir: string;
let model: string;
let options: { readonly images: string; readonly list: string };

/** Six people of two images, a colour each, and a model that returns its pixels. */
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'protomem-evaluate-model-'));
  await loadEngine({});
  const lines: string[] = [];
  for (let person = 0; person < 6; person++) {
    await mkdir(join(dir, `p${person}`));
    for (const image of [1, 2]) {
      const background = { r: 40 * person, g: 255 - 40 * person, b: (90 * person + 20 * image) % 256 };
      await sharp({ create: { width: 4, height: 2, channels: 3, background } })
        .png()
        .toFile(join(dir, `p${person}/${image}.png`));
    }
    lines.push(`p${person}/1.png\tp${person}/2.png\t1`, `p${person}/1.png\tp${(person + 3) % 6}/2.png\t0`);
  }
  model = join(dir, 'model.onnx');
  await writeFile(
    model,
    flattening(
      ['n', 3, 2, 4],
      [
        ['Sub', [127.5]],
        ['Div', [128]],
      ],
    ),
  );
  options = { images: dir, list: join(dir, 'pairs.txt') };
  await writeFile(options.list, lines.join('\n'));
});
afterAll(() => rm(dir, { recursive: true }));

const refused = (given: object, test: string | Task = 'pairs') =>
  expect(evaluateModel(model, test, given as EvaluateModelOptions)).rejects;

describe('evaluateModel', () => {
  it('says in one line how well a model does, and what it recognised in it', async () => {
    const { summary, notes, title } = await evaluateModel(model, 'pairs', options);
    expect(title).toBe('Pair list: pairs.txt');
    expect(summary).toMatch(/^Pair list: pairs\.txt: accuracy \d+\.\d\d % ± \d+\.\d\d, .*EER \d+\.\d\d %$/);
    expect(notes).toEqual([expect.stringContaining('the model normalises them itself (Sub 127.5, Div 128)')]);
    const near = await evaluateModel(model, 'pairs', { ...options, mean: 127.5, scale: 1e6 });
    expect(near.notes[1]).toContain('the same vector for every one of 12 images');
    expect(near.summary).toContain('with exact thresholds');
  });

  it('refuses options that nobody knows, or that this test does not take, with the nearest', async () => {
    await refused({ ...options, imges: 3 }).toThrow('--imges is 3, expected nothing: this test takes --images, --list');
    await refused({ ...options, imges: dir }).toThrow('Did you mean --images?');
    await refused({ ...options, meta: 'm' }).toThrow(
      '--meta is "m", expected nothing: this test takes --images, --list, --threshold-rule',
    );
    await refused({ ...options, batch: 0 }).toThrow('batch is 0, expected an integer >= 1');
    await refused({ ...options, thresholdRule: 'exakt' }).toThrow('Did you mean "exact"?');
    await refused({ ...options, inputsize: 4 }).toThrow('Did you mean --input-size?');
    await refused({ images: dir }).toThrow('--list is "missing"');
    await refused({ images: dir, list: dir }, 'megaface').toThrow('needs: --images, --list, --distractors');
    const own: Task = testByProtocol('pairs', options);
    await refused({ images: 'i' }, own).toThrow('--images is "i", expected nothing: this test takes --batch');
    await refused({ bacth: 3 }, own).toThrow('Did you mean --batch?');
    expect((await evaluateModel(model, own, { thresholdRule: 'exact', batch: 5 })).title).toBe('Pair list: pairs.txt');
    expect(() => testByProtocol('retrieval', { images: dir, thresholdRule: 'exact' })).toThrow(
      '--threshold-rule is "exact", expected nothing: this test takes --images.',
    );
    expect(() => testByProtocol('lfw', { ...options, aligned: false, noises: undefined } as never)).not.toThrow();
    expect(() => testByProtocol('pair', options)).toThrow('Did you mean "pairs"?');
  });

  it('has models of ours and files of embeddings take no option of foreign ones', async () => {
    const stored = join(dir, 'stored.npy');
    await expect(evaluateModel(stored, 'pairs', { ...options, bgr: true })).rejects.toThrow(
      'model: --bgr is true, expected no option',
    );
  });

  it('declares what each protocol takes among the options that there are', () => {
    for (const { needs, takes = [] } of Object.values(protocols))
      expect(new Set([...needs, ...takes]).size).toBe(needs.length + takes.length);
  });
});
