import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type BuildFailure, build } from 'esbuild';
import { expect, it } from 'vitest';
import { pageEntries } from './fixtures/browser/page-entries.ts';

it('every package has its row', async () => {
  expect(Object.keys(pageEntries)).toEqual((await readdir(join(import.meta.dirname, '../packages'))).sort());
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
  Object.entries(pageEntries).flatMap(([name, entries]) => entries.map((entry) => join('@protomem', name, entry))),
)('%s is bundled for a browser without a complaint', async (specifier) => {
  expect(await complaints(specifier)).toEqual([]);
});

it('a package of files is not', async () => {
  expect(await complaints('@protomem/core/node')).toContain('Could not resolve "node:fs/promises"');
});
