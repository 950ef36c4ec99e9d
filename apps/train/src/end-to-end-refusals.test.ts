import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { enginesAtHand } from '@protomem/engine/testing';
import { syntheticFaces } from '@protomem/synthetic';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run, small } from '../fixtures/command.ts';
import manifest from '../package.json' with { type: 'json' };

const { version } = manifest;

describe('the command line, where something is wrong', () => {
  let folder: string;
  let engine: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'protomem-train-'));
    const engines = await enginesAtHand();
    engine = engines.includes('node') ? 'node' : 'wasm';
  });
  afterAll(() => rm(folder, { recursive: true }));

  it('tells versions, and says once that an option is unknown', async () => {
    const [versions, unknown] = await Promise.all([run('--version'), run('--versio')]);
    expect(versions.code).toBe(0);
    const [first, second] = versions.text.split('\n');
    expect(first).toBe(`protomem ${version}, Node.js ${process.versions.node}, ${process.platform} ${process.arch}`);
    expect(second).toMatch(/^TensorFlow: (tfjs-node|not installed)/);
    expect(unknown.code).toBe(1);
    expect(unknown.text.split("unknown option '--versio'")).toHaveLength(2);
  }, 120_000);

  it('names what is wrong with the command line and with the data', async () => {
    const told = async (...args: string[]): Promise<string> => {
      const { code, text } = await run(...args);
      expect(code).toBe(1);
      expect(text).not.toContain('    at ');
      return text;
    };
    expect(await told('demo', '--ste=3')).toContain("unknown option '--ste");
    expect(await told('demmo')).toContain('Did you mean "demo"?');
    expect(await told('demo', '--out', folder, '--set', 'stepz=3')).toContain('Did you mean "steps"?');
    const lists = join(folder, 'pairsDevTest.txt');
    await writeFile(lists, 'a\t1\t2\na\t1\tb\t1\n');
    const lfw = (dir: string): string[] =>
      ['lfw', '--data', dir, '--out', join(folder, 'bad')].concat([
        ...['--set', `evaluation.pairs.file=${lists}`, '--set', 'engine.prefer=cpu'],
      ]);
    const images = join(folder, 'images');
    await mkdir(images);
    expect(await told(...lfw(images))).toContain(images);
    await mkdir(join(images, 'one'));
    await writeFile(join(images, 'one', 'one_0001.jpg'), 'x');
    expect(await told(...lfw(images))).toContain(images);
    expect(await told(...lfw(join(folder, 'nowhere')))).toContain('nowhere');
  }, 120_000);

  it('goes on past a truncated JPEG and a text file named .jpg, and names them', async () => {
    const images = join(folder, 'people');
    const source = syntheticFaces({ identities: 14, imagesPerIdentity: 4, seed: 1 });
    const lines: string[] = [];
    for (let identity = 0; identity < 14; identity++) {
      const name = `p${identity}`;
      await mkdir(join(images, name), { recursive: true });
      for (let image = 0; image < 4; image++) {
        const { bytes } = await source.load(identity, image);
        const jpeg = await sharp(bytes).resize(48, 48).flatten().jpeg().toBuffer();
        const broken = identity === 0 && image === 0;
        const file = join(images, name, `${name}_${String(image + 1).padStart(4, '0')}.jpg`);
        await writeFile(file, broken ? jpeg.subarray(0, jpeg.length >> 1) : jpeg);
      }
      // p12 and p13 are for the test only.
      if (identity >= 12) lines.push(`${name}\t1\t2`, `${name}\t3\t4`, `p12\t${identity - 11}\tp13\t${identity - 10}`);
    }
    lines.push('p12\t3\tp13\t3', 'p12\t4\tp13\t4');
    await writeFile(join(images, 'p1', 'p1_0002.jpg'), 'not an image');
    const list = join(folder, 'people.txt');
    await writeFile(list, lines.join('\n'));
    const { code, text } = await run(
      ...['lfw', '--data', images, '--out', join(folder, 'skips'), ...small],
      ...['--set', `evaluation.pairs.file=${list}`, '--set', `engine.prefer=${engine}`, '--set', 'steps=30'],
      ...['--set', 'sampler.classes=6', '--set', 'checkpoint.every=30', '--set', 'evaluation.every=30'],
    );
    expect(code, text).toBe(0);
    const { heads } = JSON.parse(await readFile(join(folder, 'skips', 'metrics.json'), 'utf8'));
    const skipped = heads[0].skipped.map(({ name }: { name: string }) => name.split('/').at(-1)).sort();
    expect(skipped).toEqual(['p0_0001.jpg', 'p1_0002.jpg']);
  }, 120_000);
});
