import { readFile as withCallback } from 'node:fs';
import { promisify } from 'node:util';

/** Reads a file whole. Half the CPU time of `node:fs/promises`, which counts where a decoded image takes a tenth of a millisecond. */
export const readFile: (path: string) => Promise<Uint8Array> = promisify(withCallback);
