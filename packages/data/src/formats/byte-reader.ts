import { type FileHandle, open } from 'node:fs/promises';
import { ProtomemError } from '@protomem/core';

/** Bytes of a file at any place. */
export interface ByteReader {
  /** Path, for messages. */
  readonly file: string;
  readonly size: number;
  /**
   * Bytes `offset ... offset + length`; valid until the next read.
   *
   * @throws {ProtomemError} when the file has no such bytes; nothing is allocated for them.
   */
  read(offset: number, length: number): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** Bytes read at once where one read follows another: a few dozen images. */
const WINDOW = 2 ** 18;
/** Bytes read where it jumps. */
const PAGE = 2 ** 12;

/** Reads a file of any size through one window, which is large while reads follow each other. */
export async function openReader(file: string): Promise<ByteReader> {
  const handle = await open(file);
  const { size } = await handle.stat();
  let window: Uint8Array = new Uint8Array(0);
  let start = 0;
  return {
    file,
    size,
    async read(offset, length) {
      const end = start + window.length;
      if (offset < start || offset + length > end) {
        checkRange(file, size, offset, length);
        const follows = offset >= start && offset <= end + WINDOW;
        const wanted = Math.max(length, follows ? WINDOW : PAGE);
        window = await readBytes(handle, offset, Math.min(wanted, size - offset));
        start = offset;
        // The file may have shrunk since it was opened.
        checkRange(file, offset + window.length, offset, length);
      }
      return window.subarray(offset - start, offset - start + length);
    },
    close: () => handle.close(),
  };
}

/** The same on bytes in memory. */
export function bytesReader(file: string, bytes: Uint8Array): ByteReader {
  return {
    file,
    size: bytes.length,
    async read(offset, length) {
      checkRange(file, bytes.length, offset, length);
      return bytes.subarray(offset, offset + length);
    },
    close: async () => undefined,
  };
}

/** Bytes of an open file, fewer where it ends before. */
export async function readBytes(handle: FileHandle, offset: number, length: number): Promise<Uint8Array> {
  // Not from the pool: the bytes may be handed to another thread.
  const bytes = Buffer.allocUnsafeSlow(length);
  let read = 0;
  while (read < length) {
    const { bytesRead } = await handle.read(bytes, read, length - read, offset + read);
    if (bytesRead === 0) break;
    read += bytesRead;
  }
  return bytes.subarray(0, read);
}

function checkRange(file: string, size: number, offset: number, length: number): void {
  if (offset >= 0 && offset + length <= size) return;
  throw new ProtomemError({
    where: file,
    what: `offset ${offset}`,
    got: `${Math.max(0, size - offset)} bytes before the end of the file`,
    expected: `${length} bytes`,
    fix: 'The file was cut short, or this is no place that its index should name: copy it again.',
  });
}
