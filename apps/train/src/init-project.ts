import { mkdir, readdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, join, resolve } from 'node:path';
import { ProtomemError } from '@protomem/core';
import { systemReason, writeFileAtomic } from '@protomem/core/node';

/** The project as it is written, but for names that npm would leave out of a package, and versions. */
const template = new URL('../template/', import.meta.url);
const written: Readonly<Record<string, string>> = { gitignore: '.gitignore', npmrc: '.npmrc' };
const require = createRequire(import.meta.url);

/**
 * Writes a small project that trains.
 *
 * @param folder made when missing; nothing in it is overwritten
 * @returns names of the files
 * @throws ProtomemError when the folder holds any of them already, or cannot be written
 */
export async function initProject(folder: string): Promise<string[]> {
  const files = (await readdir(template)).map((name) => ({
    name: written[name] ?? name,
    url: new URL(name, template),
  }));
  const there = await readdir(folder).catch((error: NodeJS.ErrnoException): string[] => {
    if (error.code === 'ENOENT') return [];
    const [got, expected] = [systemReason(error), 'a folder, or a new name'];
    throw new ProtomemError({ where: 'init', what: folder, got, expected }, { cause: error });
  });
  const kept = files.map(({ name }) => name).filter((name) => there.includes(name));
  if (kept.length > 0) {
    throw new ProtomemError({
      where: 'init',
      what: folder,
      got: `a folder that holds ${kept.join(', ')}`,
      expected: 'one where nothing has to be overwritten',
      fix: 'Name another folder, or move these away.',
    });
  }
  await mkdir(folder, { recursive: true });
  for (const { name, url } of files) {
    const text = await readFile(url, 'utf8');
    await writeFileAtomic(join(folder, name), name === 'package.json' ? pinned(text, folder) : text);
  }
  return files.map(({ name }) => name);
}

/** Whether this command is of a release. */
export const isReleased = (): boolean => (require('../package.json') as { version: string }).version !== '0.0.0';

/** The template's package.json, named after its folder, with the versions that this command runs with. */
function pinned(text: string, folder: string): string {
  const manifest = JSON.parse(text) as { name: string; dependencies: Record<string, string> };
  const name = basename(resolve(folder))
    .toLowerCase()
    .replace(/[^a-z0-9-]+/g, '-')
    .replace(/^-+|-+$/g, '');
  if (name) manifest.name = name;
  for (const one of Object.keys(manifest.dependencies)) {
    // The command exports nothing, its package.json neither: it is found by its place.
    const path = one === 'protomem' ? '../package.json' : `${one}/package.json`;
    manifest.dependencies[one] = (require(path) as { version: string }).version;
  }
  return `${JSON.stringify(manifest, null, 2)}\n`;
}
