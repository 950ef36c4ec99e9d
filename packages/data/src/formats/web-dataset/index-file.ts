import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { SourceRemark } from '@protomem/core';
import { writeFileAtomic } from '@protomem/core/node';
import { tableOf } from '../../sources/string-table.ts';
import type { PackedIndex } from '../packed-source.ts';
import type { Shard } from './shard-paths.ts';

/**
 * A saved index: `protomem-shards 4` (those of version 1 lack remarks and names with dots, those of 2 took names of digits for numbers, those of 3 kept a leading `./`), the SHA-256 of the rest, what it is about as JSON, each on a line; then numbers and
 * text, little-endian. The sum makes sure that what is read is what was written.
 */
const FIRST_LINE = 'protomem-shards 4\n';
const SUM = 64;
/** Bytes of an element of each part: four of float64, two of uint32, two of text. */
const ELEMENTS = [8, 8, 8, 8, 4, 4, 1, 1];

/** What an index is about: with anything else it is not used. */
interface About {
  readonly identity: string;
  readonly shards: readonly { readonly name: string; readonly size: number; readonly modified: number }[];
}

/** Where the index of a path is kept. */
export async function indexPath(path: string): Promise<string> {
  const there = await stat(path).catch(() => undefined);
  return there?.isDirectory() ? join(path, 'shards.index') : `${path}.index`;
}

/** Saves an index; a reader sees the old one or the new one. */
export async function saveIndex(
  file: string,
  index: PackedIndex,
  shards: readonly Shard[],
  identity: string | undefined,
): Promise<void> {
  const parts = partsOf(index);
  const head = `${JSON.stringify({ ...about(shards, identity), sizes: parts.map((part) => part.length), remarks: index.remarks })}\n`;
  const sum = createHash('sha256').update(head);
  for (const part of parts) sum.update(part);
  await writeFileAtomic(file, `${FIRST_LINE}${sum.digest('hex')}\n`, head, ...parts);
}

/** A saved index, if there is one of these shards as they are now; undefined where it is of others, or damaged. */
export async function readIndex(
  file: string,
  path: string,
  shards: readonly Shard[],
  identity: string | undefined,
): Promise<PackedIndex | undefined> {
  const bytes = await readFile(file).catch((error: NodeJS.ErrnoException) => {
    // Node reads no more than 2 GiB at once.
    if (error.code === 'ENOENT' || error.code === 'ERR_FS_FILE_TOO_LARGE') return undefined;
    throw error;
  });
  return bytes && parseIndex(bytes, path, shards, identity);
}

/** @internal */
export function parseIndex(
  bytes: Buffer,
  path: string,
  shards: readonly Shard[],
  identity: string | undefined,
): PackedIndex | undefined {
  const start = FIRST_LINE.length + SUM + 1;
  if (bytes.toString('latin1', 0, FIRST_LINE.length) !== FIRST_LINE) return undefined;
  const sum = createHash('sha256').update(bytes.subarray(start)).digest('hex');
  if (bytes.toString('latin1', FIRST_LINE.length, start) !== `${sum}\n`) return undefined;
  const end = bytes.indexOf(10, start);
  const head = JSON.parse(bytes.toString('utf8', start, end)) as About & { sizes: number[]; remarks: SourceRemark[] };
  const { sizes, remarks, ...found } = head;
  if (JSON.stringify(found) !== JSON.stringify(about(shards, identity))) return undefined;
  let at = end + 1;
  const fits = sizes.length === ELEMENTS.length && sizes.every((size, i) => size >= 0 && size % ELEMENTS[i]! === 0);
  if (!fits || at + sizes.reduce((sum, size) => sum + size, 0) !== bytes.length) return undefined;
  const next = (): SharedArrayBuffer => {
    const size = sizes.shift()!;
    const buffer = new SharedArrayBuffer(size);
    new Uint8Array(buffer).set(bytes.subarray(at, at + size));
    at += size;
    return buffer;
  };
  const [imageEnds, offsets, identityEnds, nameEnds] = [next(), next(), next(), next()].map(
    (one) => new Float64Array(one),
  );
  const [fileOf, lengths] = [next(), next()].map((one) => new Uint32Array(one));
  const [identityText, nameText] = [next(), next()].map((one) => new Uint8Array(one));
  return {
    name: path,
    files: tableOf(shards.map((shard) => shard.path)),
    identities: { bytes: identityText!, ends: identityEnds! },
    imageEnds: imageEnds!,
    images: { bytes: nameText!, ends: nameEnds! },
    fileOf: fileOf!,
    offsets: offsets!,
    lengths: lengths!,
    unwrap: 'nothing',
    remarks,
  };
}

function partsOf({ imageEnds, offsets, identities, images, fileOf, lengths }: PackedIndex): Uint8Array[] {
  const parts = [imageEnds, offsets, identities.ends, images.ends, fileOf, lengths, identities.bytes, images.bytes];
  return parts.map((part) => new Uint8Array(part.buffer, part.byteOffset, part.byteLength));
}

function about(shards: readonly Shard[], identity = ''): About {
  const names = shards.map(({ path, size, modified }) => ({ name: basename(path), size, modified }));
  return { identity, shards: names };
}
