import { stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { check, ProtomemError } from '@protomem/core';
import { naturalOrder } from '../../sources/natural-order.ts';
import { filesIn } from '../files-in.ts';

/** More names than anybody has shards; a typing error in a range ends here. */
const MAX_SHARDS = 1e6;

/** True for names of tar archives, also of compressed ones: these are refused with a better message than others have. */
export function isShard(name: string): boolean {
  return /\.(tar(\.(gz|bz2|xz|zst))?|tgz)$/i.test(name) && !basename(name).startsWith('.');
}

/** A file of a data set, as it was when its index was made. */
export interface Shard {
  readonly path: string;
  readonly size: number;
  /** Milliseconds. */
  readonly modified: number;
}

/**
 * The shards that a path stands for: of a folder, those in it in natural order; of a pattern such as
 * `faces-{000000..000127}.tar`, all that it names, in its order; else the file.
 */
export async function shardsAt(where: string, path: string): Promise<Shard[]> {
  const there = await stat(path).catch(() => undefined);
  let paths = [path];
  if (there?.isDirectory()) {
    paths = (await filesIn(path))
      .filter(isShard)
      .sort(naturalOrder)
      .map((name) => join(path, name));
    check(paths.length > 0, () => ({ where, what: path, got: 'a folder without .tar file', expected: 'shards in it' }));
  } else if (!there) paths = expandBraces(where, path);
  const shards: Shard[] = [];
  for (const one of paths) {
    const file = await stat(one).catch(() => undefined);
    check(file?.isFile() === true && isShard(one), () => ({
      where,
      what: one,
      got: !file ? 'missing' : file.isFile() ? 'a file with another ending' : 'no file',
      expected: 'a .tar file, a folder of them, or a pattern such as faces-{000000..000127}.tar',
    }));
    check(/\.tar$/i.test(one), () => ({
      where,
      what: one,
      got: 'a compressed archive',
      expected: 'a .tar file',
      fix: 'Decompress it first: images in it cannot be read at random.',
    }));
    shards.push({ path: one, size: file!.size, modified: file!.mtimeMs });
  }
  return shards;
}

/** All names that a pattern with `{000..127}` and `{a,b}` stands for, the last braces counting fastest. */
function expandBraces(where: string, pattern: string): string[] {
  const found = /\{([^{}]*)\}/.exec(pattern);
  if (!found) return [pattern];
  const [braces, inner] = [found[0], found[1]!];
  const heads = alternatives(where, pattern, inner);
  const rest = expandBraces(where, pattern.slice(found.index + braces.length));
  if (heads.length * rest.length > MAX_SHARDS) refuse(where, pattern, heads.length * rest.length);
  const start = pattern.slice(0, found.index);
  return heads.flatMap((head) => rest.map((tail) => start + head + tail));
}

function alternatives(where: string, pattern: string, inner: string): string[] {
  const range = /^(\d{1,15})\.\.(\d{1,15})$/.exec(inner);
  if (!range) return inner.split(',');
  const [first, last] = [range[1]!, range[2]!];
  const count = Number(last) - Number(first) + 1;
  if (count < 1 || count > MAX_SHARDS) refuse(where, pattern, count);
  const digits = first.startsWith('0') || last.startsWith('0') ? Math.max(first.length, last.length) : 0;
  return Array.from({ length: count }, (_, i) => String(Number(first) + i).padStart(digits, '0'));
}

function refuse(where: string, what: string, count: number): never {
  const got = `a pattern of ${count} names`;
  throw new ProtomemError({ where, what, got, expected: `1 to ${MAX_SHARDS}, ranges from low to high` });
}
