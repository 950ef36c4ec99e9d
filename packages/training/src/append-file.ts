import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { writeError } from './write-error.ts';

/** A log file that grows at its end. What `write` has returned from survives a kill of the process. */
export interface AppendFile {
  write(bytes: Uint8Array): void;
  close(): void;
}

/** Opens a file for appending; its folder is made when missing. Failed writes name the file. */
export function appendFile(where: string, path: string): AppendFile {
  const explained = <T>(f: () => T): T => {
    try {
      return f();
    } catch (error) {
      throw writeError(where, path, error);
    }
  };
  const file = explained(() => {
    mkdirSync(dirname(path), { recursive: true });
    return openSync(path, 'a');
  });
  return {
    write: (bytes) =>
      explained(() => {
        for (let offset = 0; offset < bytes.length; ) offset += writeSync(file, bytes, offset);
      }),
    close: () => closeSync(file),
  };
}
