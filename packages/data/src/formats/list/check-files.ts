import { readdir, stat } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { ProtomemError, Remarks, type SourceRemark } from '@protomem/core';
import { stringAt } from '../../sources/string-table.ts';
import type { ParsedList } from './parse-list.ts';

/** Folders read at a time. */
const READS_AT_A_TIME = 16;
/** Rows named in the message. */
const NAMED = 5;

/**
 * Looks for the files of a list; each folder is read once, no file is opened.
 *
 * @returns remarks on rows that name a file once more.
 * @throws {ProtomemError} with the number of rows that name missing files, and the first of them.
 */
export async function checkFiles({ paths, lines, index }: ParsedList): Promise<SourceRemark[]> {
  const { root, name } = index;
  const rowsOf = new Map<string, number[]>();
  for (let row = 0; row < lines.length; row++) {
    const folder = posix.dirname(stringAt(paths, row));
    const rows = rowsOf.get(folder);
    if (rows) rows.push(row);
    else rowsOf.set(folder, [row]);
  }
  const missing: number[] = [];
  const again: number[] = [];
  const look = async ([folder, rows]: [string, number[]]): Promise<void> => {
    const entries = await readdir(join(root, folder), { withFileTypes: true }).catch(() => []);
    const files = new Set(entries.filter((entry) => !entry.isDirectory()).map((entry) => entry.name));
    const named = new Set<string>();
    for (const row of rows) {
      const path = stringAt(paths, row);
      if (named.has(path)) again.push(row);
      named.add(path);
      // A file system may take a name that it spells in another way.
      if (!files.has(posix.basename(path)) && !(await isFile(join(root, path)))) missing.push(row);
    }
  };
  const folders = rowsOf.entries();
  await Promise.all(
    Array.from({ length: READS_AT_A_TIME }, async () => {
      for (const folder of folders) await look(folder);
    }),
  );
  if (missing.length === 0) {
    const remarks = new Remarks();
    for (const row of again.sort((a, b) => a - b)) {
      remarks.add(
        'assumed',
        'rows that name a file once more; each is taken',
        `line ${lines[row]}: ${stringAt(paths, row)}`,
      );
    }
    return remarks.list();
  }
  missing.sort((a, b) => a - b);
  const named = missing.slice(0, NAMED).map((row) => `line ${lines[row]} (${stringAt(paths, row).slice(0, 80)})`);
  throw new ProtomemError({
    where: name,
    what: `${missing.length} of ${lines.length} paths`,
    got: `missing in ${root}: ${named.join(', ')}${missing.length > NAMED ? ', ...' : ''}`,
    expected: 'files that are there',
    fix: '`root` (--root) names the folder that paths are relative to. The images of CVLface lie in the .rec file: open that.',
  });
}

async function isFile(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  return found?.isFile() === true;
}
