import { check, ProtomemError } from '@protomem/core';
import type { ByteReader } from '../byte-reader.ts';
import { PackedBuilder } from '../packed-builder.ts';
import type { PackedIndex } from '../packed-source.ts';
import { firstAbove, type KeyIndex, positionOf } from './key-index.ts';
import { imageNameOf, type NamesFile } from './names-file.ts';
import { MAX_RECORD, type RecordHead, readRecordHead } from './record.ts';

/** From here on float32, in which labels are written, does not hold every integer. */
export const INEXACT = 2 ** 24;

/**
 * Finds the images of a RecordIO file and who is on them.
 *
 * InsightFace's layout is read through its identity records: record 0 tells which keys they have, each of them which keys
 * its images have. So only they and one image each are read. Where those numbers are too large for float32, where an
 * image's label contradicts them, and in any other layout, the labels of all images are read and decide.
 */
export async function indexRecords(
  reader: ByteReader,
  index: KeyIndex | undefined,
  names: NamesFile | undefined,
): Promise<PackedIndex> {
  const found = new FoundImages(reader.file, names);
  if (!(index && (await throughIdentityRecords(reader, index, found)))) await throughLabels(reader, index, found);
  return found.build();
}

/** What was found, numbered by label at the end. */
class FoundImages {
  private builder = new PackedBuilder();
  private numbers = new Map<number, number>();
  private readonly file: string;
  private readonly names: NamesFile | undefined;

  constructor(file: string, names: NamesFile | undefined) {
    this.file = file;
    this.names = names;
  }

  push(label: number, key: number, offset: number, length: number): void {
    const identity = this.numbers.get(label) ?? this.numbers.size;
    this.numbers.set(label, identity);
    const name = (this.names && imageNameOf(this.names, key)) ?? String(key);
    this.builder.push({ identity, name, file: 0, offset, length });
  }

  forget(): void {
    this.builder = new PackedBuilder();
    this.numbers = new Map();
  }

  build(): PackedIndex {
    const { file, builder, numbers } = this;
    check(builder.images > 0, () => ({
      where: file,
      what: 'the file',
      got: 'without images',
      expected: 'at least one',
    }));
    const labels = Float64Array.from(numbers.keys()).sort();
    const rank = new Uint32Array(labels.length);
    for (const [number, label] of labels.entries()) rank[numbers.get(label)!] = number;
    const identities = Array.from(labels, (label) => this.names?.identities.get(label) ?? String(label));
    return builder.build(file, [file], identities, 'recordIo', rank);
  }
}

/** @returns false when the file has none, or they cannot be relied on. */
async function throughIdentityRecords(reader: ByteReader, index: KeyIndex, found: FoundImages): Promise<boolean> {
  const zero = positionOf(index, 0);
  if (zero < 0) return false;
  const header = await readRecordHead(reader, index.offsets[zero]!);
  if (!isRange(header)) return false;
  const [firstIdentity, identityEnd] = header.labels;
  if (firstIdentity >= INEXACT || identityEnd >= INEXACT) return false;
  checkRange(reader.file, header, 1, index.keys.at(-1)! + 1);

  const starts = Float64Array.from(index.offsets).sort();
  for (let key = firstIdentity; key < identityEnd; key++) {
    const label = key - firstIdentity;
    const record = await readRecordHead(reader, offsetOf(reader.file, index, key));
    check(isRange(record), () => ({
      where: reader.file,
      what: `offset ${record.offset}`,
      got: 'an image, or no pair of labels',
      expected: `the record of identity ${label}: two labels and nothing else, as record 0 says of key ${key}`,
    }));
    checkRange(reader.file, record, 1, firstIdentity);
    const [first, end] = record.labels;
    for (let image = first; image < end; image++) {
      const offset = offsetOf(reader.file, index, image);
      if (image === first) {
        const [own] = (await readRecordHead(reader, offset)).labels;
        if (own !== label && !(own >= INEXACT && label >= INEXACT)) {
          found.forget();
          return false;
        }
      }
      const next = starts[firstAbove(starts, offset)] ?? reader.size;
      found.push(label, image, offset, Math.min(next - offset, MAX_RECORD));
    }
  }
  return true;
}

async function throughLabels(reader: ByteReader, index: KeyIndex | undefined, found: FoundImages): Promise<void> {
  const take = (record: RecordHead, key: number): void => {
    if (isRange(record)) return;
    const [label] = record.labels;
    if (!Number.isInteger(label) || label < 0 || label >= INEXACT) refuseLabel(reader.file, record);
    found.push(label, key, record.offset, record.length);
  };
  if (index) {
    for (const [i, key] of index.keys.entries()) take(await readRecordHead(reader, index.offsets[i]!), key);
  } else {
    for (let offset = 0, key = 0; offset < reader.size; key++) {
      const record = await readRecordHead(reader, offset);
      take(record, key);
      offset += record.length;
    }
  }
}

/** A pair of keys without an image: of an identity, or of the whole file. */
function isRange({ count, imageBytes }: RecordHead): boolean {
  return count === 2 && imageBytes === 0;
}

function checkRange(file: string, { offset, labels: [first, end] }: RecordHead, low: number, high: number): void {
  const fits = Number.isInteger(first) && Number.isInteger(end) && low <= first && first <= end && end <= high;
  check(fits, () => ({
    where: file,
    what: `offset ${offset}`,
    got: [first, end],
    expected: `first and end of a range of keys within ${low} ... ${high}`,
    fix: 'The file is damaged, or its .idx is of another file: without the .idx it is scanned.',
  }));
}

function offsetOf(file: string, index: KeyIndex, key: number): number {
  const at = positionOf(index, key);
  check(at >= 0, () => ({
    where: file,
    what: `key ${key}`,
    got: 'missing in the .idx',
    expected: 'every key that an identity record names',
    fix: 'Move the .idx away: then the file is scanned.',
  }));
  return index.offsets[at]!;
}

function refuseLabel(file: string, { offset, labels: [label] }: RecordHead): never {
  const large = label >= INEXACT;
  throw new ProtomemError({
    where: file,
    what: `the label at offset ${offset}`,
    got: label,
    expected: `the number of an identity, 0 to ${INEXACT - 1}`,
    fix: large
      ? 'Labels are float32, which does not tell larger integers apart. Identity records would: keep the .idx beside the file.'
      : 'Other labels, as for regression or boxes, do not say who is on an image.',
  });
}
