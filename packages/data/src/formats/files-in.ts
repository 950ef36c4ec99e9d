import { readdir } from 'node:fs/promises';

/** Names of the files in a folder. Folders are left out: a person's may be called `x.rec`. */
export async function filesIn(dir: string): Promise<string[]> {
  const entries = await readdir(dir, { withFileTypes: true });
  return entries.filter((entry) => !entry.isDirectory()).map(({ name }) => name);
}
