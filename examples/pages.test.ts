import { execFile, spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { examplesOf, type Ran, writeExamples } from './fixtures/page-examples.ts';

const root = join(import.meta.dirname, '..');
const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
const tracked = spawnSync('git', ['ls-files', '-co', '--exclude-standard'], { cwd: root, encoding: 'utf8' })
  .stdout.split('\n')
  .filter(Boolean);

const pages = tracked.filter((name) => name.endsWith('.md') && !/^(\.changeset|benchmarks)\//.test(name));
const examples = (await Promise.all(pages.map((page) => examplesOf(join(root, page), page)))).flat();

/** Programs beside this file, by what they print. `own-loss.ts` runs in the tests of the command, `people-in-page.ts` in a browser. */
const programs: Readonly<Record<string, RegExp>> = {
  npy: /^400 embeddings of width 16: 600 pairs of one person, 79200 of two\nTAR@FAR 0.01: 76\.3 %[\s\S]*accuracy 93\.2 /,
  'not-faces': /^Prototype Memory, 100 slots: [67]\d\.\d %.*\nfull softmax, 200 weights: [78]\d\.\d %/,
  'own-encoder': /^mine: 5616 parameters, 30 losses, all finite: true\n$/,
  'own-loop': /^loss 0\.\d+ -> 0\.[0-3]\d\nmemory: 50 % full, 100 % of the batch's classes were in it\n$/,
  'train-parts': /^30 steps; accuracy on 200 pairs of people never seen: [5-9]\d\.\d %\n$/,
};
for (const name of Object.keys(programs)) {
  examples.push({ name: `program-${name}`, code: `import '../../${name}.ts';` });
}

let folder: string;
beforeAll(async () => {
  // Inside a package that depends on all others, so that the examples find what they import.
  folder = await mkdtemp(join(import.meta.dirname, '.pages-'));
  await writeExamples(folder, examples);
});
afterAll(() => rm(folder, { recursive: true }));

describe('every ts block of every page', () => {
  it('holds its types, in strict mode', { timeout: 300_000 }, async () => {
    const config = { extends: '../../tsconfig.base.json', compilerOptions: { strict: true }, include: ['*/block.mts'] };
    await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(config));
    const { stdout } = spawnSync(join(root, 'node_modules/.bin/tsc'), ['-p', folder], {
      cwd: folder,
      encoding: 'utf8',
    });
    expect(stdout).toBe('');
  });

  describe('in one process', () => {
    const ran = new Map<string, Ran>();
    beforeAll(async () => {
      const runner = join(import.meta.dirname, 'fixtures/run-blocks.ts');
      const args = ['--conditions', '@protomem/source', '--import', tsx, runner];
      const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: folder });
      for (const line of stdout.split('\n').filter((text) => text.startsWith('{"name"'))) {
        const one = JSON.parse(line) as Ran;
        ran.set(one.name, one);
      }
    }, 300_000);

    it.each(Object.entries(programs))('%s prints what it should', (name, prints) => {
      expect(ran.get(`program-${name}`)?.printed).toMatch(prints);
    });

    it.each(examples)('$name runs, and prints what the page says', ({ name, prints }) => {
      expect(ran.get(name)).toMatchObject({ name, ...(prints !== undefined && { printed: prints }) });
      expect(ran.get(name)!.error).toBeUndefined();
    });
  });
});

it('every example is tried somewhere, stands in the README, and fits on a screen or two', async () => {
  const all = tracked.filter((name) => /^examples\/[^/]*\.ts$/.test(name) && !name.endsWith('.test.ts'));
  const elsewhere = ['own-loss', 'people-in-page'];
  expect(all.map((name) => basename(name, '.ts')).sort()).toEqual([...Object.keys(programs), ...elsewhere].sort());
  const page = await readFile(join(import.meta.dirname, 'README.md'), 'utf8');
  for (const name of all) {
    expect(page).toContain(`](${basename(name)})`);
    const lines = (await readFile(join(root, name), 'utf8')).trimEnd().split('\n').length;
    expect([name, lines <= 60 || lines]).toEqual([name, true]);
  }
});

it('the index of protocols names every page', async () => {
  const names = tracked.filter((name) => /^docs\/protocols\/(?!README)/.test(name));
  expect(names).toHaveLength(8);
  const index = await readFile(join(root, 'docs/protocols/README.md'), 'utf8');
  for (const name of names) expect(index).toContain(`(${name.split('/').at(-1)})`);
});

it('no file holds the marks of a merge that was left', async () => {
  const marked: string[] = [];
  for (const name of tracked) {
    if (!/\.(md|ts|mts|mjs|js|json|ya?ml|py|cc|h)$/.test(name)) continue;
    const text = await readFile(join(root, name), 'utf8').catch(() => '');
    if (/^(<{7}|>{7}|\|{7}) /m.test(text)) marked.push(relative('.', name));
  }
  expect(marked).toEqual([]);
});
