import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { patchConfig } from './config.ts';
import { ownPart } from './own-parts.ts';
import { resolveRecipe } from './recipes/index.ts';
import { checkRunName, defaultOf, isRunFile, readRunFile, toRun } from './run-file.ts';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'protomem-run-file-'));
});
afterAll(() => rm(dir, { recursive: true }));

async function file(name: string, text: string): Promise<string> {
  await writeFile(join(dir, name), text);
  return join(dir, name);
}

describe('a run from a file', () => {
  it('is JSON, such as the config.json of a finished run', async () => {
    const config = patchConfig(resolveRecipe('demo'), ['head.size=700']);
    const { config: read, parts } = await readRunFile(await file('config.json', JSON.stringify(config)));
    expect(read).toEqual(config);
    expect(Object.values(parts).filter(Boolean)).toEqual([]);
  });

  it('is a module, in TypeScript too, or a function of the command line', async () => {
    const own = await file(
      'mine.mts',
      `const hinge = (cosines: unknown) => cosines;
       export default { from: 'demo', steps: 50, schedule: { warmup: 5 }, head: { loss: hinge } };`,
    );
    const { config, parts } = await readRunFile(own);
    expect(config).toMatchObject({
      recipe: 'mine',
      steps: 50,
      head: { size: 512, loss: { name: 'own', own: 'hinge' } },
    });
    expect(parts.loss?.name).toBe('hinge');
    const made = await file('made.mjs', "export default ({ data }) => ({ from: 'lfw', data: { path: data + '/a' } });");
    expect((await readRunFile(made, { data: 'faces' })).config.data).toMatchObject({ path: 'faces/a' });
  });

  it('is the default export, also of a module that was compiled to CommonJS', () => {
    const own = { from: 'demo' };
    expect(defaultOf({ default: own })).toBe(own);
    expect(defaultOf({ default: { __esModule: true, default: own } })).toBe(own);
    expect(defaultOf({})).toBeUndefined();
  });

  it('holds parts of its own wherever a part stands', () => {
    const source = { load: async () => undefined, name: 'mine' };
    const encoder = () => undefined;
    const head = function cosine() {};
    const { config, parts } = toRun(
      {
        data: source,
        head,
        encoder: { own: encoder, inputSize: 8, embeddingSize: 4 },
        sampler: { classes: 2, images: 2 },
        evaluation: { pairs: { kind: 'synthetic' } },
        loggers: [],
      },
      'mine.ts',
    );
    expect(config).toMatchObject({
      data: { kind: 'own', own: 'mine' },
      head: { kind: 'own', own: 'cosine' },
      encoder: { name: 'own', own: 'encoder', inputSize: 8, embeddingSize: 4 },
    });
    expect(parts).toMatchObject({ source, head, encoder, loggers: [] });
    // What is saved beside the results is the same configuration, and only names them.
    const again = toRun(JSON.parse(JSON.stringify(config)), 'config.json');
    expect(again.config).toEqual(config);
    expect(() => ownPart(again.parts, 'head', 'cosine')).toThrow('train: the head "cosine" is "missing"');
  });

  it('refuses what is no configuration', async () => {
    expect(['demo', 'a.ts', 'b.json', 'c.cjs', 'd.txt'].map(isRunFile)).toEqual([false, true, true, true, false]);
    expect(() => checkRunName('train', 'the run', 'dmo', ['verify'])).toThrow('Did you mean "demo"?');
    expect(() => checkRunName('train', 'the run', 'a.txt', ['verify'])).toThrow(
      'expected one of verify, demo, faces, lfw, fine-tune, or a file that ends in .json, .ts, .mts,',
    );
    await expect(readRunFile(join(dir, 'nowhere.json'))).rejects.toThrow('nowhere.json is "missing"');
    await expect(readRunFile(await file('bad.json', '{'))).rejects.toThrow('expected JSON');
    await expect(readRunFile(await file('none.mjs', 'export const a = 1;'))).rejects.toThrow('its default export');
    expect(() => toRun({ from: 'demo', heads: {} }, 'a.ts')).toThrow('Did you mean "head"?');
    expect(() => toRun({ from: 'demo', steps: () => 3 }, 'a.ts')).toThrow('a.ts: steps is the function steps');
  });
});
