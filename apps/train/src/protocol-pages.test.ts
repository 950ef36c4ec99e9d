import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const run = promisify(execFile);
const pages = join(import.meta.dirname, '../../../docs/protocols');
const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
const names = (await readdir(pages)).filter((name) => name !== 'README.md');

let folder: string;
beforeAll(async () => {
  // Inside the app, so that the examples find what they import.
  folder = await mkdtemp(join(import.meta.dirname, '../.pages-'));
});
afterAll(() => rm(folder, { recursive: true }));

describe('docs/protocols', () => {
  it('has a page for each, and the index names them all', async () => {
    expect(names).toHaveLength(8);
    const index = await readFile(join(pages, 'README.md'), 'utf8');
    for (const name of names) expect(index).toContain(`(${name})`);
  });

  it.each(names)('%s: its example prints what the page says', async (name) => {
    const page = await readFile(join(pages, name), 'utf8');
    const [, example, output] = /```ts\n(.*?)```\n\n```text\n(.*?)```/s.exec(page)!;
    const file = join(folder, name.replace('.md', '.mts'));
    await writeFile(file, example!);
    const { stdout } = await run(process.execPath, ['--conditions', '@protomem/source', '--import', tsx, file]);
    expect(stdout).toBe(output);
  });
});
