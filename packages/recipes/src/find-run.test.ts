import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { patchConfig } from './config.ts';
import { findRun } from './find-run.ts';
import { resolveRecipe } from './recipes/index.ts';
import { writeJson } from './run-folder.ts';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'protomem-find-run-'));
});
afterAll(() => rm(dir, { recursive: true }));

it("gives a file of one's own what its run began with, and says where it is not gone by", async () => {
  const [name, out, said] = [join(dir, 'mine.mts'), join(dir, 'run'), [] as string[]];
  const find = (more: object) => findRun({ name, out, set: [], resume: true, say: (text) => said.push(text), ...more });
  await writeFile(name, "export default { from: 'fine-tune', head: { size: 40, loss: (cosines) => cosines } };");
  const set = ['encoder.init=start.safetensors'];
  const begun = await find({ data: 'people', init: 'start.safetensors', set, resume: false });
  expect(begun.resume).toBe(false);
  await mkdir(out);
  await writeJson(join(out, 'config.json'), patchConfig(begun.config, ['head.size=50', 'steps=90']));

  const { config, parts, resume } = await find({ set: ['seed=3'] });
  expect(resume).toBe(true);
  expect(parts.loss).toBeTypeOf('function');
  expect(config).toMatchObject({ seed: 3, data: { path: 'people' }, head: { size: 50 }, recipe: 'mine' });
  expect(said).toEqual([`goes on by ${out}/config.json, not by ${name}, which differs in steps, head.size: see --set`]);
});

it('finds what a run began with in the folder that its file is called after', async () => {
  const [name, here] = [join(dir, 'ft.mts'), process.cwd()];
  await writeFile(name, "export default { from: 'fine-tune' };");
  try {
    process.chdir(dir);
    const find = (more: object) => findRun({ name, set: [], resume: true, say: () => undefined, ...more });
    const { config } = await find({ data: 'people', init: 'a.safetensors', resume: false });
    await mkdir('runs/ft', { recursive: true });
    await writeJson('runs/ft/config.json', patchConfig(config, ['encoder.init=a.safetensors']));
    expect((await find({})).out).toBe(join('runs', 'ft'));
  } finally {
    process.chdir(here);
  }
});

it('starts a recipe in a folder by its name', async () => {
  const { out, config, parts } = await findRun({ name: 'demo', set: ['seed=3'], resume: false, say: () => undefined });
  expect([out, parts]).toEqual([join('runs', 'demo'), {}]);
  expect(config).toEqual(patchConfig(resolveRecipe('demo'), ['seed=3']));
});
