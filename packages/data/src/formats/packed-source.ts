import { open } from 'node:fs/promises';
import { type ImageSource, ProtomemError, type SourceImage, type SourceRemark } from '@protomem/core';
import { builtInSpec } from '../sources/built-in-spec.ts';
import { groupedBy } from '../sources/grouped-by.ts';
import { type StringTable, stringAt } from '../sources/string-table.ts';
import { builtIn } from '../sources/thread-spec.ts';
import { readBytes } from './byte-reader.ts';
import { imageOfRecord, type Place } from './record-io/record.ts';

/** How bytes of a file become an image file, by name, as the index is data. */
const unwraps = {
  /** They are one. */
  nothing: (bytes: Uint8Array, _place: Place): Uint8Array => bytes,
  /** They are a record of a RecordIO file. */
  recordIo: imageOfRecord,
} as const;

/**
 * Where each image lies inside larger files, such as a RecordIO file or the shards of a WebDataset: 16 bytes an image in
 * shared memory, which worker threads use without a copy. Built once, when the format is read.
 */
export interface PackedIndex {
  /** What the user calls it; for messages. */
  readonly name: string;
  /** Paths of the files that hold the images. */
  readonly files: StringTable;
  /** Names of the identities. */
  readonly identities: StringTable;
  /** Number of images up to and with each identity; images below are in this order. */
  readonly imageEnds: Float64Array;
  /** Names of the images, without folder. */
  readonly images: StringTable;
  /** By image: number of its file in `files`. */
  readonly fileOf: Uint32Array;
  /** By image: where its bytes begin. */
  readonly offsets: Float64Array;
  /** By image: how many they are. */
  readonly lengths: Uint32Array;
  /** How the file's bytes become an image. */
  readonly unwrap: keyof typeof unwraps;
  readonly remarks: readonly SourceRemark[];
}

/**
 * The source that an index describes. A file is opened for each image and closed again, as a folder of images would do
 * it: as fast, and no handle outlives a source.
 */
export function packedSource(index: PackedIndex): ImageSource {
  const { name, files, identities, imageEnds, images, fileOf, offsets, lengths, unwrap, remarks } = index;
  const { imagesOf, at } = groupedBy(name, imageEnds);
  return builtIn({
    name,
    spec: builtInSpec('packedSource', index),
    identities: imageEnds.length,
    imageEnds,
    remarks,
    imagesOf,
    identityName: (identity) => stringAt(identities, identity),
    async load(identity, image): Promise<SourceImage> {
      const number = at(identity, image);
      const [file, offset] = [stringAt(files, fileOf[number]!), offsets[number]!];
      const place = `${file}#${stringAt(identities, identity)}/${stringAt(images, number)}`;
      const bytes = await readRange(file, offset, lengths[number]!, place);
      return { name: place, bytes: unwraps[unwrap](bytes, { file, offset }) };
    },
  });
}

/** Bytes `offset ... offset + length` of a file. The file may have been cut short since its index was made. */
export async function readRange(file: string, offset: number, length: number, place: string): Promise<Uint8Array> {
  const handle = await open(file);
  try {
    const { size } = await handle.stat();
    if (offset + length > size) {
      throw new ProtomemError({
        where: 'source.load',
        what: place,
        got: `a file of ${size} bytes`,
        expected: `${length} bytes at offset ${offset}, as its index says`,
        fix: 'The file was changed or cut short after its index was made: copy it again, or open it anew.',
      });
    }
    return await readBytes(handle, offset, length);
  } finally {
    await handle.close();
  }
}
