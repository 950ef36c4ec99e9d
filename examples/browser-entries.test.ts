import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type BuildFailure, build } from 'esbuild';
import { expect, it } from 'vitest';

/** Entries that a page can import, by package; what the others need is no page's. */
const entries: Readonly<Record<string, readonly string[] | 'files'>> = {
  alignment: 'files',
  baselines: ['.'],
  core: ['.', './contracts'],
  data: ['.'],
  encoders: ['.'],
  engine: ['.', './kernels'],
  evaluation: ['.'],
  export: ['.'],
  gallery: ['.'],
  heads: ['.'],
  losses: ['.'],
  memory: ['.'],
  mining: ['.'],
  native: 'files',
  protocols: 'files',
  recipes: 'files',
  report: 'files',
  serve: 'files',
  synthetic: ['.'],
  training: ['.'],
};

it('every package has its row', async () => {
  expect(Object.keys(entries)).toEqual((await readdir(join(import.meta.dirname, '../packages'))).sort());
});

/** What esbuild says of a page that imports an entry, from sources: nothing of Node is to be found on any way from there. */
async function complaints(specifier: string): Promise<string[]> {
  const messages = await build({
    stdin: { contents: `export * from '${specifier}';`, resolveDir: import.meta.dirname },
    bundle: true,
    write: false,
    logLevel: 'silent',
    conditions: ['@protomem/source'],
    external: ['@tensorflow/*'],
  }).catch((error: BuildFailure) => error);
  return [...(messages.errors ?? []), ...messages.warnings].map(({ text }) => text);
}

it.each(
  Object.entries(entries).flatMap(([name, own]) =>
    Array.isArray(own) ? own.map((entry) => join('@protomem', name, entry)) : [],
  ),
)('%s is bundled for a browser without a complaint', async (specifier) => {
  expect(await complaints(specifier)).toEqual([]);
});

it('a package of files is not', async () => {
  expect(await complaints('@protomem/core/node')).toContain('Could not resolve "node:fs/promises"');
});
