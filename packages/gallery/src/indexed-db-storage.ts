import { check, joinBytes, type OptionsOf, option, ProtomemError, readOptions } from '@protomem/core';
import type { GalleryStorage } from './storage.ts';

const indexedDbOptions = {
  readOnly: option.flag({ help: 'Write nothing: a database that is not there is not made.', default: false }),
};

/** The one table of the database: pieces of bytes in the order of their numbers, of which none is given twice. */
const STORE = 'protomem-gallery';

/**
 * Keeps a gallery in a browser, in IndexedDB: it is there when the page is loaded again, and a page that is killed leaves each
 * write whole or not at all. Every write is on the disk before it counts as done, as far as the browser says so (`durability: 'strict'`).
 *
 * Any number of tabs may have it open. Each answers from what was there when it opened the gallery; a tab that would write
 * onto what another one has changed since is refused, and nothing of either is lost: it opens the gallery again.
 *
 * Browsers may remove the data of a site when they run out of space, unless `navigator.storage.persist()` has been
 * granted, which is the page's to ask; the gallery's `notes` say so.
 *
 * @param name of the database, one of the page's origin. `indexedDB.deleteDatabase(name)` removes the gallery.
 * @throws ProtomemError where there is no IndexedDB, when the database is something else's, or when the browser refuses.
 *
 * @example
 * ```ts
 * const gallery = await openGallery(await indexedDbStorage('people'), { width: 512, model });
 * ```
 */
export async function indexedDbStorage(
  name: string,
  options: OptionsOf<typeof indexedDbOptions> = {},
): Promise<GalleryStorage> {
  const { readOnly } = readOptions('indexedDbStorage', indexedDbOptions, options);
  const failed = (doing: string) => (error: unknown) => {
    if (error instanceof ProtomemError) throw error;
    const { name: kind, message } = error as Error;
    const got = `not to be ${doing} (${kind}: ${message})`;
    const expected = 'a database that the browser keeps for this site';
    const fix = kind === 'QuotaExceededError' ? 'Nothing of it was written: make space, then try again.' : undefined;
    throw new ProtomemError({ where: 'indexedDbStorage', what: name, got, expected, fix }, { cause: error });
  };
  const database = await openDatabase(name, readOnly).catch(failed('opened'));
  /** The number of the last piece that this page knows of. */
  let last = 0;

  /** Adds pieces, or puts them in the place of all others: all of it or, where another page was here since, nothing. */
  async function write(pieces: Iterable<Uint8Array>, whole: boolean): Promise<void> {
    const transaction = database!.transaction(STORE, 'readwrite', { durability: 'strict' });
    const ended = end(transaction);
    try {
      const store = transaction.objectStore(STORE);
      const newest = (await answer(store.openKeyCursor(null, 'prev')))?.key ?? 0;
      check(newest === last, () => ({
        where: 'indexedDbStorage',
        what: name,
        got: 'changed by another tab since it was opened here',
        expected: 'the gallery that this page knows',
        fix: 'Nothing was written: open the gallery again.',
      }));
      if (whole) store.clear();
      let added = last;
      for (const piece of packed(pieces)) added = await answer(store.add(piece));
      await ended;
      last = added;
    } catch (error) {
      try {
        transaction.abort();
      } catch {} // It has ended.
      throw transaction.error ?? error;
    }
  }

  return {
    name,
    readOnly,
    notes: (await isPersistent())
      ? []
      : [`${name}: the browser may remove it when space runs out, until navigator.storage.persist() is granted`],
    async *read() {
      if (!database) return;
      const store = database.transaction(STORE, 'readonly').objectStore(STORE);
      const found = Promise.all([answer(store.getAllKeys()), answer(store.getAll())]);
      const [keys, pieces] = await found.catch(failed('read'));
      last = keys.at(-1) ?? 0;
      yield* pieces;
    },
    append: (bytes) => write([bytes], false).catch(failed('written')),
    replace: (pieces) => write(pieces, true).catch(failed('written')),
    close: async () => database?.close(),
  };
}

/** The database; undefined where there is none, and none may be made. */
async function openDatabase(name: string, readOnly: boolean): Promise<Database | undefined> {
  check(indexedDB !== undefined, () => ({
    where: 'indexedDbStorage',
    what: 'IndexedDB',
    got: 'missing',
    expected: 'a browser',
    fix: 'Node keeps a gallery in a file: `fileStorage` of @protomem/gallery/node.',
  }));
  const request = indexedDB.open(name);
  let isNew = false;
  request.onupgradeneeded = () => {
    isNew = true;
    if (readOnly) request.transaction!.abort();
    else request.result.createObjectStore(STORE, { autoIncrement: true });
  };
  const database = await answer(request).catch((error: unknown) => {
    if (isNew && readOnly) return undefined;
    throw error;
  });
  if (!database) return undefined;
  // Whoever removes the database waits for those who have it open.
  database.onversionchange = () => database.close();
  if (database.objectStoreNames.contains(STORE)) return database;
  database.close();
  const [got, expected] = ['something else', 'the database of a gallery'];
  throw new ProtomemError({ where: 'indexedDbStorage', what: name, got, expected, fix: 'Take another name.' });
}

/** Whether the browser keeps what this site stores until the user removes it. */
const isPersistent = async (): Promise<boolean> => (await navigator?.storage?.persisted()) ?? false;

/** Bytes stored as one piece, about: each costs the browser some work, and is in memory twice while it is written. */
const PIECE = 2 ** 20;

function* packed(pieces: Iterable<Uint8Array>): Generator<Uint8Array> {
  let [waiting, length]: [Uint8Array[], number] = [[], 0];
  for (const piece of pieces) {
    waiting.push(piece);
    length += piece.length;
    if (length < PIECE) continue;
    yield joinBytes(waiting);
    [waiting, length] = [[], 0];
  }
  if (length > 0) yield joinBytes(waiting);
}

const answer = <T>(request: Request<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

/** Settles when a transaction is on the disk, or has left nothing. */
function end(transaction: Transaction): Promise<void> {
  const ended = new Promise<void>((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error);
  });
  // Where a request of it fails, nobody waits for its end.
  ended.catch(() => undefined);
  return ended;
}

/** What is used of a browser, whose types TypeScript knows only together with the whole DOM. */
const { indexedDB, navigator } = globalThis as unknown as {
  readonly indexedDB: { open(name: string): OpenRequest } | undefined;
  readonly navigator?: { readonly storage?: { persisted(): Promise<boolean> } };
};
type Handler = (() => void) | null;
interface Request<T> {
  readonly result: T;
  readonly error: Error | null;
  onsuccess: Handler;
  onerror: Handler;
}
interface OpenRequest extends Request<Database> {
  readonly transaction: Transaction | null;
  onupgradeneeded: Handler;
}
interface Database {
  readonly objectStoreNames: { contains(name: string): boolean };
  onversionchange: Handler;
  createObjectStore(name: string, options: { readonly autoIncrement: true }): unknown;
  transaction(store: string, mode: string, options?: { readonly durability: 'strict' }): Transaction;
  close(): void;
}
interface Transaction {
  readonly error: Error | null;
  oncomplete: Handler;
  onabort: Handler;
  objectStore(name: string): Store;
  abort(): void;
}
interface Store {
  add(piece: Uint8Array): Request<number>;
  clear(): unknown;
  openKeyCursor(range: null, direction: 'prev'): Request<{ readonly key: number } | null>;
  getAll(): Request<Uint8Array[]>;
  getAllKeys(): Request<number[]>;
}
