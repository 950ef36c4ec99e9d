import { ProtomemError } from '@protomem/core';
import type { ByteReader } from '../byte-reader.ts';
import { word } from '../record-io/record.ts';

/**
 * Layout of LMDB's data file, version 1, as 64-bit machines with little-endian numbers write it. A page begins with
 * `number u64 | unused u16 | flags u16 | end of the node offsets u16 | begin of the nodes u16`, in pages of large values with
 * `pages u32` at the end instead. A node is `low u16 | high u16 | flags u16 | key bytes u16 | key | value`: `low` and `high` are
 * the size of the value; in branches, with the flags, the number of the page below.
 *
 * Source: OpenLDAP, libraries/liblmdb/mdb.c (MDB_page, MDB_node, MDB_meta).
 */
export const PAGE_HEADER = 16;
export const NODE_HEADER = 8;
export const pageFlags = { branch: 1, leaf: 2, overflow: 4, meta: 8 } as const;
/** Of a node: its value is the number of the page where the value begins. */
export const BIG = 1;
/** Of a node: a database of its own, or several values of one key. */
const SPECIAL = 6;
export const MAGIC = 0xbeefc0de;
export const VERSION = 1;
/** Deepest tree that LMDB itself can walk. */
const MAX_DEPTH = 32;
/** Number of no page, as of the root of an empty tree. */
const NO_PAGE = 2 ** 64;

/** A tree of keys and values, as its newest transaction left it. */
export interface Environment {
  readonly pageSize: number;
  /** Number of levels; 0 when it is empty. */
  readonly depth: number;
  /** Page number. */
  readonly root: number;
  readonly lastPage: number;
}

/** A key, and where its value lies in the file. */
export interface Entry {
  readonly key: Buffer;
  readonly offset: number;
  readonly length: number;
}

/** Reads both meta pages; the one with the higher transaction counts. Both have to be sound, as for LMDB itself. */
export async function readEnvironment(reader: ByteReader): Promise<Environment> {
  const first = await readMeta(reader, 0);
  const second = await readMeta(reader, first.pageSize);
  const newest = first.transaction < second.transaction ? second : first;
  const { pageSize, depth, root, lastPage } = newest;
  const at = newest === second ? pageSize : 0;
  if (second.pageSize !== pageSize) refuse(reader.file, pageSize, `pages of ${second.pageSize} bytes`, `${pageSize}`);
  // Free pages at the end may never have been written, so the file may be shorter than its pages.
  const isTree = depth === 0 ? root === NO_PAGE : depth <= MAX_DEPTH && root >= 2 && root <= lastPage;
  if (!isTree || !Number.isSafeInteger(lastPage * pageSize)) {
    refuse(
      reader.file,
      at,
      `${depth} levels from page ${root} of ${lastPage}`,
      `at most ${MAX_DEPTH}, from one of its pages`,
    );
  }
  return newest;
}

async function readMeta(reader: ByteReader, at: number): Promise<Environment & { readonly transaction: number }> {
  const bytes = Buffer.from(await reader.read(at, 152));
  const number = (offset: number): number => Number(bytes.readBigUInt64LE(offset));
  if (word(bytes, 16) !== MAGIC || !(bytes.readUInt16LE(10) & pageFlags.meta)) {
    const narrow = word(bytes, 12) === MAGIC;
    const expected = "LMDB's meta page, as a 64-bit machine with little-endian numbers writes it";
    refuse(reader.file, at, narrow ? 'an environment of a 32-bit machine' : 'something else', expected);
  }
  if (word(bytes, 20) !== VERSION) refuse(reader.file, at, `version ${word(bytes, 20)}`, `version ${VERSION}`);
  const pageSize = word(bytes, 40);
  if (pageSize < 512 || pageSize > 32768 || (pageSize & (pageSize - 1)) !== 0) {
    refuse(reader.file, at, `pages of ${pageSize} bytes`, 'a power of two from 512 to 32768');
  }
  // The main database is the second one; the first lists free pages.
  if (bytes.readUInt16LE(88 + 4) & 4)
    refuse(reader.file, at, 'a database with several values a key', 'one value a key');
  return {
    pageSize,
    depth: bytes.readUInt16LE(88 + 6),
    root: number(88 + 40),
    lastPage: number(136),
    transaction: number(144),
  };
}

/**
 * All entries in the order of their keys, a leaf page at a time. Pages are read one by one, values not at all. Each leaf
 * has to lie as deep as the tree says, and keys have to ascend: so no page is met twice, whatever the file says.
 */
export async function* leaves(reader: ByteReader, environment: Environment): AsyncGenerator<readonly Entry[]> {
  const { depth, root } = environment;
  if (depth === 0) return;
  /** By level: pages that are still to be visited, the next one last. */
  const waiting: number[][] = [[root]];
  let last: Buffer | undefined;
  while (waiting.length > 0) {
    const number = waiting.at(-1)!.pop();
    if (number === undefined) {
      waiting.pop();
      continue;
    }
    const isLeaf = waiting.length === depth;
    const nodes = await readNodes(reader, environment, number, isLeaf ? pageFlags.leaf : pageFlags.branch);
    if (!isLeaf) {
      waiting.push(nodes.map((node) => childOf(reader, environment, node)).reverse());
      continue;
    }
    for (const { key, offset } of nodes) {
      if (last && Buffer.compare(last, key) >= 0) {
        refuse(reader.file, offset, `key ${showKey(key)}`, `a key above the one before, ${showKey(last)}`);
      }
      last = key;
    }
    yield nodes.map((node) => entryOf(reader, environment, node));
  }
}

/** Part of a page: a key, and its value or the page below. */
interface Node {
  readonly key: Buffer;
  /** Where it begins in the file. */
  readonly offset: number;
  /** Size of the value; in branches, the lower half of a page number. */
  readonly low: number;
  readonly flags: number;
  /** What follows the key in the page. */
  readonly rest: Buffer;
}

async function readNodes(
  { file, read }: ByteReader,
  { pageSize }: Environment,
  number: number,
  wanted: number,
): Promise<Node[]> {
  const start = number * pageSize;
  // A copy, since the next read may overwrite it while keys are in use.
  const bytes = Buffer.from(await read(start, pageSize));
  const kind = bytes.readUInt16LE(10) & 7;
  if (kind !== wanted || Number(bytes.readBigUInt64LE(0)) !== number) {
    refuse(file, start, `another page, of kind ${kind}`, `page ${number}, of kind ${wanted}`);
  }
  const lower = bytes.readUInt16LE(12);
  const upper = bytes.readUInt16LE(14);
  if (lower <= PAGE_HEADER || lower % 2 !== 0 || lower > upper || upper > pageSize) {
    refuse(file, start, `a page with bounds ${lower} and ${upper}`, `${PAGE_HEADER} < first <= second <= ${pageSize}`);
  }
  const nodes: Node[] = [];
  let used = lower;
  for (let pointer = PAGE_HEADER; pointer < lower; pointer += 2) {
    const at = bytes.readUInt16LE(pointer);
    const keyAt = at + NODE_HEADER;
    const keyEnd = keyAt + (keyAt <= pageSize ? bytes.readUInt16LE(at + 6) : 0);
    used += keyEnd - at;
    if (at < upper || keyEnd > pageSize || used > pageSize) {
      refuse(file, start + pointer, `a node at ${at} of its page`, 'nodes within their page, each for itself');
    }
    const [low, flags] = [word(bytes, at), bytes.readUInt16LE(at + 4)];
    nodes.push({ key: bytes.subarray(keyAt, keyEnd), offset: start + at, low, flags, rest: bytes.subarray(keyEnd) });
  }
  return nodes;
}

function childOf({ file }: ByteReader, environment: Environment, { low, flags, offset }: Node): number {
  return checkPage(file, environment, low + flags * 2 ** 32, offset);
}

function entryOf({ file, size }: ByteReader, environment: Environment, node: Node): Entry {
  const { key, low: length, flags, offset: at, rest } = node;
  if (flags & SPECIAL) refuse(file, at, `key ${showKey(key)} with a database of its own`, 'the main database alone');
  const isBig = (flags & BIG) !== 0;
  if ((isBig ? 8 : length) > rest.length) {
    refuse(file, at, `a value of ${length} bytes of key ${showKey(key)}`, 'a value within its page');
  }
  if (!isBig) return { key, offset: at + NODE_HEADER + key.length, length };
  const first = checkPage(file, environment, Number(rest.readBigUInt64LE(0)), at);
  const offset = first * environment.pageSize + PAGE_HEADER;
  if (offset + length > size) {
    refuse(file, at, `a value of ${length} bytes of key ${showKey(key)}`, "a value before the file's end");
  }
  return { key, offset, length };
}

function checkPage(file: string, { lastPage }: Environment, page: number, offset: number): number {
  return page >= 2 && page <= lastPage ? page : refuse(file, offset, `page ${page}`, `a page from 2 to ${lastPage}`);
}

/** A key for messages. */
export function showKey(key: Buffer): string {
  const text = key.subarray(0, 60).toString('utf8');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are meant.
  return /[\0-\x1f\ufffd]/.test(text) ? `0x${key.subarray(0, 30).toString('hex')}` : text;
}

function refuse(file: string, offset: number, got: string, expected: string): never {
  throw new ProtomemError({
    where: file,
    what: `offset ${offset}`,
    got,
    expected,
    fix: 'This is no data.mdb of one main database, or it is damaged or was cut short: copy it again.',
  });
}
