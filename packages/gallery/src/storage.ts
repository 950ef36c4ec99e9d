import { joinBytes } from '@protomem/core';

/**
 * Where a gallery's bytes are kept: a file (`fileStorage` of `@protomem/gallery/node`), a database of a browser
 * (`indexedDbStorage`), memory.
 */
export interface GalleryStorage {
  /** Names it in errors. */
  readonly name: string;
  /** Whether nothing may be written. Default false. */
  readonly readOnly?: boolean;
  /** What has to be said of what it keeps, a line each: of the gallery's `notes`. Default none. */
  readonly notes?: readonly string[];
  /** All bytes from the first one, in any pieces; none where nothing is kept yet. */
  read(): AsyncIterable<Uint8Array>;
  /** Puts bytes behind the last one. They are safe when this resolves; when it rejects, none of them is there. */
  append(bytes: Uint8Array): Promise<void>;
  /** Puts bytes in the place of all others: at any instant the old ones are there, whole, or the new ones. */
  replace(pieces: Iterable<Uint8Array>): Promise<void>;
  close(): Promise<void>;
}

/**
 * Keeps a gallery in memory, for tests and for what need not last.
 *
 * @param bytes of a gallery to begin with. Default none.
 * @returns a storage, whose `bytes()` is a copy of what it holds.
 */
export function memoryStorage(bytes: Uint8Array = new Uint8Array(0)): GalleryStorage & { bytes(): Uint8Array } {
  let pieces: Uint8Array[] = bytes.length > 0 ? [bytes.slice()] : [];
  return {
    name: 'gallery in memory',
    async *read() {
      yield* [...pieces];
    },
    async append(more) {
      pieces.push(more.slice());
    },
    async replace(others) {
      pieces = Array.from(others, (piece) => piece.slice());
    },
    close: async () => undefined,
    bytes: () => joinBytes(pieces),
  };
}
