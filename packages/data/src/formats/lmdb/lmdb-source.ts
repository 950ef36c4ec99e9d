import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { check, type ImageSource, ProtomemError } from '@protomem/core';
import { naturalOrder } from '../../sources/natural-order.ts';
import { type ByteReader, openReader } from '../byte-reader.ts';
import { IdentityNumbers } from '../identity-numbers.ts';
import { Numbers, PackedBuilder } from '../packed-builder.ts';
import { type PackedIndex, packedSource } from '../packed-source.ts';
import { type Entry, leaves, readEnvironment, showKey } from './page.ts';
import { readLabelled } from './values.ts';

/** The file of an environment in its folder. */
export const DATA_FILE = 'data.mdb';

/**
 * The images of an LMDB environment, of any size, in one of two layouts:
 *
 * - keys `identity/image` (the identity is everything before the last `/`), values image files; in natural order of names, as a
 *   folder would be. Opening it reads no values.
 * - keys that count (`0`, `1`, ...), values a pickle or MessagePack of (image file, label), as `folder2lmdb.py` of
 *   Efficient-PyTorch and its many copies write it; identities in the order of their labels, images by key. The bytes may
 *   be in a list of one or an array, the label of numpy. Opening it reads some bytes of each value; nothing in a pickle
 *   is executed.
 *
 * Keys such as `__keys__` and `__len__` are passed over. Values that pyarrow wrote, Caffe's Datum and other objects are
 * refused, as are named databases, several values a key, and files of 32-bit or big-endian machines. Pages of 512 to
 * 32768 bytes; the lock file is neither needed nor written, so nobody should be writing meanwhile.
 *
 * @param path a folder with `data.mdb`, or the file itself.
 * @throws {ProtomemError} with file, key and offset when something else is there, or it is damaged.
 *
 * @example
 * ```ts
 * const source = await lmdbSource('faces.lmdb');
 * const { bytes } = await source.load(0, 0);
 * ```
 *
 * Source: OpenLDAP, libraries/liblmdb/mdb.c; Lyken17/Efficient-PyTorch, tools/folder2lmdb.py.
 */
export async function lmdbSource(path: string): Promise<ImageSource> {
  const there = await stat(path).catch(() => undefined);
  const file = there?.isDirectory() ? join(path, DATA_FILE) : path;
  const found = await stat(file).catch(() => undefined);
  check(found?.isFile() === true, () => ({
    where: 'lmdbSource',
    what: path,
    got: there ? `without ${DATA_FILE}` : 'missing',
    expected: `a folder with ${DATA_FILE}, or such a file`,
  }));
  const reader = await openReader(file);
  try {
    return packedSource(await indexLmdb(reader));
  } finally {
    await reader.close();
  }
}

/** True for names of files that are environments of their own. */
export function isLmdb(name: string): boolean {
  return /\.(lmdb|mdb)$/i.test(name);
}

/** Finds the images of an environment and who is on them. */
export async function indexLmdb(reader: ByteReader): Promise<PackedIndex> {
  const environment = await readEnvironment(reader);
  let layout: Layout | undefined;
  for await (const page of leaves(reader, environment)) {
    for (const entry of page) {
      const key = entry.key.toString('utf8');
      if (/^__[^/]*__$/.test(key)) continue;
      layout ??= /^\d+$/.test(key) ? new Counted() : new Named();
      await layout.add(reader, entry, key);
    }
  }
  if (!layout) {
    throw new ProtomemError({ where: reader.file, what: 'the file', got: 'without images', expected: 'one at least' });
  }
  return layout.build(reader.file);
}

/** How keys and values say what is on an image. */
interface Layout {
  add(reader: ByteReader, entry: Entry, key: string): Promise<void>;
  build(file: string): PackedIndex;
}

/** Keys `identity/image`: those of an identity follow each other. */
class Named implements Layout {
  private readonly builder = new PackedBuilder();
  private readonly identities: string[] = [];
  private own: { readonly name: string; readonly offset: number; readonly length: number }[] = [];

  async add(reader: ByteReader, entry: Entry, key: string): Promise<void> {
    const slash = key.lastIndexOf('/');
    if (slash < 1 || slash === key.length - 1) refuseKey(reader, entry, 'identity/image, as the keys before');
    const identity = key.slice(0, slash);
    if (this.identities.length === 0) await checkFirst(reader, entry);
    if (identity !== this.identities.at(-1)) {
      this.flush();
      this.identities.push(identity);
    }
    this.own.push({ name: key.slice(slash + 1), offset: entry.offset, length: entry.length });
  }

  build(file: string): PackedIndex {
    this.flush();
    // Keys with one folder more may lie between those of an identity, which is then met again.
    const numbers = new Map<string, number>();
    for (const name of [...this.identities].sort(naturalOrder)) if (!numbers.has(name)) numbers.set(name, numbers.size);
    const rank = Uint32Array.from(this.identities, (name) => numbers.get(name)!);
    return this.builder.build(file, [file], numbers.keys(), 'nothing', rank);
  }

  private flush(): void {
    this.own.sort((a, b) => naturalOrder(a.name, b.name));
    const identity = this.identities.length - 1;
    for (const image of this.own) this.builder.push({ ...image, identity, file: 0 });
    this.own = [];
  }
}

/** Keys that count; the values have labels. */
class Counted implements Layout {
  private readonly identities = new IdentityNumbers();
  private readonly keys = new Numbers((size) => new Float64Array(size));
  private readonly identity = new Numbers((size) => new Uint32Array(size));
  private readonly offsets = new Numbers((size) => new Float64Array(size));
  private readonly lengths = new Numbers((size) => new Uint32Array(size));

  async add(reader: ByteReader, entry: Entry, key: string): Promise<void> {
    if (!/^\d{1,15}$/.test(key)) refuseKey(reader, entry, 'a number, as the keys before');
    const { offset, length, label } = await readLabelled(reader, entry);
    this.keys.push(Number(key));
    this.identity.push(
      this.identities.numberOf(String(label), undefined, () => [reader.file, `offset ${entry.offset}`]),
    );
    this.offsets.push(offset);
    this.lengths.push(length);
  }

  build(file: string): PackedIndex {
    const [keys, identity, offsets, lengths] = [this.keys, this.identity, this.offsets, this.lengths].map((numbers) =>
      numbers.array(),
    ) as [Float64Array, Uint32Array, Float64Array, Uint32Array];
    const builder = new PackedBuilder();
    const order = Uint32Array.from(keys, (_, i) => i).sort((a, b) => keys[a]! - keys[b]!);
    for (const i of order) {
      const [offset, length] = [offsets[i]!, lengths[i]!];
      builder.push({ identity: identity[i]!, name: String(keys[i]), file: 0, offset, length });
    }
    const { names, rank } = this.identities.ranked();
    return builder.build(file, [file], names, 'nothing', rank);
  }
}

/** Objects under names are refused by the first of them, before any is taken for an image. */
async function checkFirst(reader: ByteReader, { key, offset, length }: Entry): Promise<void> {
  const [first, second = 0] = length >= 2 ? await reader.read(offset, 2) : [];
  check(!(first === 0x80 && second >= 2 && second <= 5), () => ({
    where: reader.file,
    what: `key ${showKey(key)}, offset ${offset},`,
    got: 'a pickled object',
    expected: 'an image file, as keys identity/image have it',
  }));
}

function refuseKey(reader: ByteReader, { key, offset }: Entry, expected: string): never {
  throw new ProtomemError({
    where: reader.file,
    what: `offset ${offset}`,
    got: `a value of key ${showKey(key)}`,
    expected: `one of key ${expected}`,
    fix: 'Keys are identity/image with images as values, or numbers with images and labels.',
  });
}
