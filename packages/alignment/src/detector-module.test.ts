import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { detectorFromModule } from './detector-module.ts';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'protomem-detector-'));
});
afterAll(() => rm(dir, { recursive: true }));

const file = async (name: string, text: string): Promise<string> => {
  await writeFile(join(dir, name), text);
  return join(dir, name);
};

it('takes the function that a module exports, and says in an error what is wrong with any other', async () => {
  const detect = await detectorFromModule('align', await file('good.mjs', 'export const detect = async () => [];'));
  expect(await detect({ pixels: new Uint8Array(3), width: 1, height: 1 }, '')).toEqual([]);
  const refused = (path: string) => expect(detectorFromModule('align', path)).rejects;
  await refused(join(dir, 'nope.ts')).toThrow(/^align: --detector .*nope\.ts is "missing", expected a module that exp/);
  await refused(await file('none.mjs', 'export const find = 1;')).toThrow('none.mjs: detect is "missing"');
  await refused(await file('text.mjs', 'export const detect = "x";')).toThrow('text.mjs: detect is "string"');
  await refused(await file('broken.mjs', 'throw new Error("no\\nway");')).toThrow(
    'is "not to be loaded: no", expected',
  );
});
