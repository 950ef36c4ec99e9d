import { mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import { check, type ImageSource, readOptions } from '@protomem/core';
import { intoNew } from '@protomem/core/node';
import { StringTableBuilder, stringAt } from '../../sources/string-table.ts';
import { eachImage, type NamedImage, type WriteOptions, writeOptions } from '../each-image.ts';
import { orderedNames, withEnding } from '../file-names.ts';
import { OutFile } from '../out-file.ts';
import { Numbers } from '../packed-builder.ts';
import { DATA_FILE } from './lmdb-source.ts';
import { BIG, MAGIC, NODE_HEADER, PAGE_HEADER, pageFlags, VERSION } from './page.ts';

const PAGE = 4096;
/** Of the list of free pages: its keys are numbers. */
const INTEGER_KEYS = 8;
/** Sizes have 32 bits. */
const MAX_VALUE = 2 ** 32 - 1;
/** Bytes by which formats are told apart. */
const START = 16;

/**
 * Writes a source as an LMDB environment, which LMDB itself and its bindings open: `dir/data.mdb` with keys
 * `identity/image` and image files as values, unchanged. Names are those of {@link writeFolder}. The file is written from
 * front to back and the tree at its end; every value has pages of its own, of 4096 bytes.
 *
 * @param dir is made; nothing may be there.
 * @throws {ProtomemError} when `dir` exists or an image cannot be read; nothing is left then.
 *
 * @example
 * ```ts
 * await writeLmdb(await folderSource('faces'), 'faces-lmdb');
 * ```
 *
 * Source: OpenLDAP, libraries/liblmdb/mdb.c.
 */
export async function writeLmdb(source: ImageSource, dir: string, options: WriteOptions = {}): Promise<void> {
  const where = 'writeLmdb';
  const progress = readOptions(where, writeOptions, options);
  const identities = orderedNames(Array.from({ length: source.identities }, (_, i) => source.identityName(i)));
  await intoNew(where, dir, async (temporary) => {
    await mkdir(temporary);
    const path = join(temporary, DATA_FILE);
    const file = await OutFile.create(path);
    let meta: Buffer;
    try {
      // Room for the two meta pages, of which the second is known at the end.
      await file.write(Buffer.alloc(2 * PAGE));
      const values = new Values(file);
      let own: NamedImage[] = [];
      for await (const image of eachImage(source, progress)) {
        if (own[0] && own[0].identity !== image.identity) values.name(own);
        if (own[0]?.identity !== image.identity) own = [];
        await values.add(image.bytes);
        own.push({ ...image, bytes: Uint8Array.from(image.bytes.subarray(0, START)) });
      }
      if (own.length > 0) values.name(own);
      const overflowPages = file.length / PAGE - 2;
      meta = metaPage(1, { ...(await writeTree(file, values.sorted(identities))), overflowPages });
      await file.finish();
    } finally {
      await file.close();
    }
    const handle = await open(path, 'r+');
    try {
      await handle.write(Buffer.concat([metaPage(0), meta]), 0, 2 * PAGE, 0);
      await handle.sync();
    } finally {
      await handle.close();
    }
  });
}

/** What was written, to be sorted by key. */
class Values {
  private readonly names = new StringTableBuilder();
  private readonly pages = new Numbers((size) => new Float64Array(size));
  private readonly lengths = new Numbers((size) => new Uint32Array(size));
  /** Which values are an identity's, where it has any. */
  private readonly ranges = new Map<number, { readonly from: number; readonly to: number }>();
  private readonly file: OutFile;

  constructor(file: OutFile) {
    this.file = file;
  }

  async add(bytes: Uint8Array): Promise<void> {
    check(bytes.length <= MAX_VALUE, () => ({
      where: 'writeLmdb',
      what: 'an image',
      got: `${bytes.length} bytes`,
      expected: `at most ${MAX_VALUE}`,
    }));
    const number = this.file.length / PAGE;
    const count = Math.ceil((PAGE_HEADER + bytes.length) / PAGE);
    const header = pageHeader(number, pageFlags.overflow);
    header.writeUInt32LE(count, 12);
    await this.file.write(header);
    await this.file.write(bytes);
    await this.file.write(Buffer.alloc(count * PAGE - PAGE_HEADER - bytes.length));
    this.pages.push(number);
    this.lengths.push(bytes.length);
  }

  /** Names the images that were added last, all of one identity. */
  name(images: readonly NamedImage[]): void {
    const from = this.names.length;
    const names = orderedNames(images.map(({ name }) => name));
    for (const [i, { bytes }] of images.entries()) this.names.push(withEnding(names[i]!, bytes));
    this.ranges.set(images[0]!.identity, { from, to: this.names.length });
  }

  /** Nodes of the leaves, in the order of their keys' bytes. */
  *sorted(identities: readonly string[]): Generator<TreeNode> {
    const names = this.names.build();
    const [pages, lengths] = [this.pages.array(), this.lengths.array()];
    const folders = [...this.ranges].map(([identity, range]) => ({
      key: Buffer.from(`${identities[identity]}/`),
      range,
    }));
    for (const { key: folder, range } of folders.sort((a, b) => Buffer.compare(a.key, b.key))) {
      const own = Array.from({ length: range.to - range.from }, (_, i) => {
        return { key: Buffer.concat([folder, Buffer.from(stringAt(names, range.from + i))]), at: range.from + i };
      });
      for (const { key, at } of own.sort((a, b) => Buffer.compare(a.key, b.key))) {
        const page = Buffer.alloc(8);
        page.writeBigUInt64LE(BigInt(pages[at]!));
        yield { key, low: lengths[at]!, flags: BIG, value: page };
      }
    }
  }
}

/** What a page holds of a key. */
interface TreeNode {
  readonly key: Buffer;
  /** Size of the value, or the lower half of the number of the page below. */
  readonly low: number;
  /** In branches the upper half. */
  readonly flags: number;
  readonly value?: Buffer;
}

interface Tree {
  readonly depth: number;
  readonly branchPages: number;
  readonly leafPages: number;
  readonly entries: number;
  readonly root: number;
  readonly lastPage: number;
}

/** Writes a tree from its leaves up. */
async function writeTree(file: OutFile, nodes: Iterable<TreeNode>): Promise<Tree> {
  let entries = 0;
  function* counted(): Generator<TreeNode> {
    for (const node of nodes) {
      entries++;
      yield node;
    }
  }
  let level = await writeLevel(file, counted(), pageFlags.leaf);
  const leafPages = level.length;
  let branchPages = 0;
  let depth = Math.min(1, leafPages);
  for (; level.length > 1; depth++) {
    level = await writeLevel(file, level, pageFlags.branch);
    branchPages += level.length;
  }
  const [root] = level;
  const number = root ? root.low + root.flags * 2 ** 32 : Number.NaN;
  return { depth, branchPages, leafPages, entries, root: number, lastPage: file.length / PAGE - 1 };
}

/** @returns nodes of the level above, one a page. */
async function writeLevel(file: OutFile, nodes: Iterable<TreeNode>, kind: number): Promise<TreeNode[]> {
  const above: TreeNode[] = [];
  const write = async (own: readonly TreeNode[]): Promise<void> => {
    const number = file.length / PAGE;
    await file.write(treePage(number, kind, own));
    above.push({ key: own[0]!.key, low: number % 2 ** 32, flags: Math.floor(number / 2 ** 32) });
  };
  // One page waits, since the last one of a level may have to take a node from it: a branch has two at least.
  let waiting: TreeNode[] = [];
  let own: TreeNode[] = [];
  let used = PAGE_HEADER;
  for (const node of nodes) {
    const size = 2 + sizeOf(node);
    if (used + size > PAGE) {
      if (waiting.length > 0) await write(waiting);
      waiting = own;
      own = [];
      used = PAGE_HEADER;
    }
    own.push(node);
    used += size;
  }
  if (own.length === 1 && waiting.length > 0) own.unshift(waiting.pop()!);
  for (const page of [waiting, own]) if (page.length > 0) await write(page);
  return above;
}

/** Even, as LMDB wants it. */
function sizeOf({ key, value }: TreeNode): number {
  return 2 * Math.ceil((NODE_HEADER + key.length + (value?.length ?? 0)) / 2);
}

function treePage(number: number, kind: number, nodes: readonly TreeNode[]): Buffer {
  const page = Buffer.alloc(PAGE);
  pageHeader(number, kind).copy(page);
  let upper = PAGE;
  for (const [i, node] of nodes.entries()) {
    // The first key of a branch is never looked at, and left out.
    const key = kind === pageFlags.branch && i === 0 ? Buffer.alloc(0) : node.key;
    upper -= sizeOf({ ...node, key });
    page.writeUInt16LE(upper, PAGE_HEADER + 2 * i);
    page.writeUInt32LE(node.low, upper);
    page.writeUInt16LE(node.flags, upper + 4);
    page.writeUInt16LE(key.length, upper + 6);
    key.copy(page, upper + NODE_HEADER);
    node.value?.copy(page, upper + NODE_HEADER + key.length);
  }
  page.writeUInt16LE(PAGE_HEADER + 2 * nodes.length, 12);
  page.writeUInt16LE(upper, 14);
  return page;
}

function pageHeader(number: number, flags: number): Buffer {
  const header = Buffer.alloc(PAGE_HEADER);
  header.writeBigUInt64LE(BigInt(number));
  header.writeUInt16LE(flags, 10);
  return header;
}

/** The meta page with a number, which is that of its transaction, too. Without a tree: as of a new environment. */
function metaPage(number: number, tree?: Tree & { readonly overflowPages: number }): Buffer {
  const page = Buffer.alloc(PAGE);
  pageHeader(number, pageFlags.meta).copy(page);
  const put = (value: number, at: number): void => {
    page.writeBigUInt64LE(BigInt(value), at);
  };
  const none = (at: number): void => {
    page.writeBigUInt64LE(2n ** 64n - 1n, at);
  };
  const lastPage = tree?.lastPage ?? 1;
  page.writeUInt32LE(MAGIC, 16);
  page.writeUInt32LE(VERSION, 20);
  put((lastPage + 1) * PAGE, 32);
  page.writeUInt32LE(PAGE, 40);
  page.writeUInt16LE(INTEGER_KEYS, 44);
  none(80);
  page.writeUInt16LE(tree?.depth ?? 0, 94);
  put(tree?.branchPages ?? 0, 96);
  put(tree?.leafPages ?? 0, 104);
  put(tree?.overflowPages ?? 0, 112);
  put(tree?.entries ?? 0, 120);
  if (tree && tree.depth > 0) put(tree.root, 128);
  else none(128);
  put(lastPage, 136);
  put(number, 144);
  return page;
}
