import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** All files of a folder and those below, by path, with their bytes as text: equal for equal folders. */
export async function filesOf(dir: string): Promise<Record<string, string>> {
  const files: Record<string, string> = {};
  for (const entry of (await readdir(dir, { withFileTypes: true })).sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(dir, entry.name);
    if (!entry.isDirectory()) files[entry.name] = await readFile(path, 'latin1');
    else for (const [name, text] of Object.entries(await filesOf(path))) files[`${entry.name}/${name}`] = text;
  }
  return files;
}
