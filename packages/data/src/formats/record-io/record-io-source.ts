import { readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { check, type ImageSource } from '@protomem/core';
import { openReader } from '../byte-reader.ts';
import { filesIn } from '../files-in.ts';
import { packedSource } from '../packed-source.ts';
import { indexRecords } from './index-records.ts';
import { parseKeyIndex } from './key-index.ts';
import { parseNamesFile } from './names-file.ts';

/**
 * The images of an MXNet RecordIO file, grouped by label, in the order of the labels; within one, by key.
 *
 * Reads InsightFace's layout (record 0 and identity records), files of `im2rec`, shuffled files with one label an image, and
 * records in several parts; of any size. The heads of all records are read, one reading of the file at most. `NAME.idx`
 * beside `NAME.rec` says where they are; without it, the file is scanned. `NAME.tsv`, as CVLface and {@link writeRecordIo}
 * write it, gives names to identities and images, which else are called by label and key. `property` is not needed.
 *
 * Each image's own label decides, as for MXNet's readers. `remarks` count where the file contradicts itself: offsets of the
 * `.idx` at which no record begins, records that it does not name, identity records that overlap, are missing, or
 * disagree with the labels. Labels are float32: files with labels from 2^24 on are refused.
 *
 * @param path the `.rec` file, or a folder with one of them.
 * @throws {ProtomemError} with file and offset when a record is damaged, cut short or has no identity for a label.
 *
 * @example
 * ```ts
 * const source = await recordIoSource('faces_emore'); // faces_emore/train.rec
 * const { bytes } = await source.load(0, 0);
 * ```
 *
 * Source: dmlc-core, include/dmlc/recordio.h; InsightFace, recognition/arcface_mxnet/common/rec_builder.py.
 */
export async function recordIoSource(path: string): Promise<ImageSource> {
  const file = await findRecords(path);
  const beside = async (ending: string): Promise<[Uint8Array, string] | undefined> => {
    const other = file.replace(/\.rec$/i, ending);
    const bytes = await readFile(other).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    });
    return bytes && [bytes, other];
  };
  const index = await beside('.idx');
  const names = await beside('.tsv');
  const reader = await openReader(file);
  try {
    return packedSource(
      await indexRecords(reader, index && parseKeyIndex(...index), names && parseNamesFile(...names)),
    );
  } finally {
    await reader.close();
  }
}

/** True for names of RecordIO files. */
export function isRecordIo(name: string): boolean {
  return /\.rec$/i.test(name) && !basename(name).startsWith('.');
}

async function findRecords(path: string): Promise<string> {
  const there = await stat(path).catch(() => undefined);
  const found = there?.isDirectory() ? (await filesIn(path)).filter(isRecordIo) : [];
  check(there?.isFile() === true ? isRecordIo(path) : found.length === 1, () => ({
    where: 'recordIoSource',
    what: path,
    got: !there
      ? 'missing'
      : there.isFile()
        ? 'a file with another ending'
        : found.length === 0
          ? 'a folder without .rec file'
          : found,
    expected: 'a .rec file, or a folder with one',
  }));
  return there?.isFile() ? path : join(path, found[0]!);
}
