import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { check } from '@protomem/core';
import { type Entry, openPromise, type ZipFile } from 'yauzl';

/** A wheel that is open: a zip whose RECORD holds the sha256 of every member. */
export interface Wheel {
  readonly members: ReadonlySet<string>;
  /** Content of a small text member. */
  text(member: string): Promise<string>;
  /** Streams a member to `folder/member` and checks it against RECORD. Returns its size in bytes. */
  extract(member: string, folder: string, signal?: AbortSignal): Promise<number>;
  close(): void;
}

/** Opens a wheel by its path. Close it in a `finally`. */
export async function openWheel(path: string): Promise<Wheel> {
  const zip = await openPromise(path, { autoClose: false });
  try {
    const entries = await readEntries(zip);
    const text = (member: string) => read(zip, entries, member);
    const recordName = [...entries.keys()].find((name) => /^[^/]+\.dist-info\/RECORD$/.test(name));
    const hashes = parseRecord(await text(recordName ?? 'RECORD'));
    return {
      members: new Set(entries.keys()),
      text,
      close: () => zip.close(),
      extract: async (member, folder, signal) => {
        const target = join(folder, member);
        await mkdir(dirname(target), { recursive: true });
        const hash = createHash('sha256');
        const hashing = new Transform({
          transform(chunk, _, done) {
            hash.update(chunk);
            done(null, chunk);
          },
        });
        const entry = entries.get(member)!;
        await pipeline(await zip.openReadStreamPromise(entry), hashing, createWriteStream(target), { signal });
        const found = hash.digest('base64url');
        check(found === hashes.get(member), () => ({
          where: basename(path),
          what: `sha256 of ${member}`,
          got: found,
          expected: hashes.get(member) ?? 'a line in RECORD',
          fix: 'The download is damaged: run the command again (python3 -m pip cache purge, if it stays).',
        }));
        return entry.uncompressedSize;
      },
    };
  } catch (error) {
    zip.close();
    throw error;
  }
}

async function readEntries(zip: ZipFile): Promise<Map<string, Entry>> {
  const entries = new Map<string, Entry>();
  for await (const entry of zip.eachEntry()) entries.set(entry.fileName, entry);
  return entries;
}

async function read(zip: ZipFile, entries: ReadonlyMap<string, Entry>, member: string): Promise<string> {
  const entry = entries.get(member);
  check(entry !== undefined, () => ({ where: 'openWheel', what: member, got: 'missing', expected: 'a member of it' }));
  const chunks: Buffer[] = [];
  for await (const chunk of await zip.openReadStreamPromise(entry)) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

/** RECORD is CSV: `path,sha256=<base64url without padding>,size`. */
function parseRecord(record: string): Map<string, string> {
  const lines = record.split('\n').map((line) => /^"?(.+?)"?,sha256=([\w-]+),\d*\r?$/.exec(line));
  return new Map(lines.flatMap((match) => (match ? [[match[1]!, match[2]!]] : [])));
}
