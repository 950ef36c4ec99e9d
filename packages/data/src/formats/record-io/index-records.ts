import { check, ProtomemError, type Remarks } from '@protomem/core';
import type { ByteReader } from '../byte-reader.ts';
import { PackedBuilder } from '../packed-builder.ts';
import type { PackedIndex } from '../packed-source.ts';
import { checkIdentityRecords } from './identity-records.ts';
import type { KeyIndex } from './key-index.ts';
import { imageNameOf, type NamesFile } from './names-file.ts';
import { beginsRecord, readRecordHead } from './record.ts';
import { RecordList, type Records } from './record-list.ts';

/** From here on float32, in which labels are written, does not hold every integer. */
export const INEXACT = 2 ** 24;

/**
 * Finds the images of a RecordIO file and who is on them: each image's own label decides, as for MXNet's readers. The head
 * of every record is read, in the order of the file.
 *
 * What the file, its `.idx` and the identity records of InsightFace's layout say of each other is compared, and counted in
 * the remarks where they differ.
 */
export async function indexRecords(
  reader: ByteReader,
  index: KeyIndex | undefined,
  names: NamesFile | undefined,
): Promise<PackedIndex> {
  const { file } = reader;
  const builder = new PackedBuilder();
  const records = index ? await indexedRecords(reader, index, builder.remarks) : await scannedRecords(reader);
  checkIdentityRecords(records, index !== undefined, builder.remarks);
  const numbers = new Map<number, number>();
  for (let i = 0; i < records.keys.length; i++) {
    if (records.isRange(i)) continue;
    const [key, label, offset] = [records.keys[i]!, records.labels[i]!, records.offsets[i]!];
    if (!Number.isInteger(label) || label < 0 || label >= INEXACT) refuseLabel(file, offset, label);
    const identity = numbers.get(label) ?? numbers.size;
    numbers.set(label, identity);
    const name = (names && imageNameOf(names, key)) ?? String(key);
    builder.push({ identity, name, file: 0, offset, length: records.lengths[i]! });
  }
  check(builder.images > 0, () => ({ where: file, what: 'the file', got: 'without images', expected: 'at least one' }));
  const labels = Float64Array.from(numbers.keys()).sort();
  const rank = new Uint32Array(labels.length);
  for (const [number, label] of labels.entries()) rank[numbers.get(label)!] = number;
  const identities = Array.from(labels, (label) => names?.identities.get(label) ?? String(label));
  return builder.build(file, [file], identities, 'recordIo', rank);
}

/** The records that an `.idx` names. What it names that is none, and what lies between them, is remarked. */
async function indexedRecords(reader: ByteReader, { keys, offsets }: KeyIndex, remarks: Remarks): Promise<Records> {
  const { file, size } = reader;
  const list = new RecordList();
  let missed = 0;
  let end = 0;
  let last = -1;
  const order = Uint32Array.from(keys, (_, i) => i).sort((a, b) => offsets[a]! - offsets[b]! || a - b);
  for (const i of order) {
    const [key, offset] = [keys[i]!, offsets[i]!];
    const place = `key ${key}, offset ${offset}`;
    if (offset === last) {
      remarks.add('in conflict', 'keys of the .idx that name a record again; the first is taken', place);
      continue;
    }
    if (offset < end || !(await beginsRecord(reader, offset))) {
      missed++;
      remarks.add('in conflict', 'offsets of the .idx at which no record begins', place);
      continue;
    }
    await remarkUnnamed(reader, end, offset, remarks);
    const head = await readRecordHead(reader, offset);
    list.push(key, head);
    last = offset;
    end = offset + head.length;
  }
  check(missed <= keys.length / 2, () => ({
    where: file,
    what: 'its .idx',
    got: `${keys.length} offsets, of which ${missed} miss a record`,
    expected: 'the .idx of this file',
    fix: 'Move it away: without an .idx the file is scanned.',
  }));
  await remarkUnnamed(reader, end, size, remarks);
  return list.build();
}

/** Counts the records between two offsets that are not in the `.idx`. */
async function remarkUnnamed(reader: ByteReader, start: number, end: number, remarks: Remarks): Promise<void> {
  for (let at = start; at < end; ) {
    const head = await readRecordHead(reader, at).catch((error: unknown) => {
      if (error instanceof ProtomemError) return undefined;
      throw error;
    });
    if (!head || at + head.length > end) {
      remarks.add('in conflict', 'stretches of the .rec that hold no record', `${end - at} bytes from offset ${at}`);
      return;
    }
    const reason = 'records of the .rec that its .idx does not name, left out; without the .idx they are read';
    remarks.add('in conflict', reason, `offset ${at}`);
    at += head.length;
  }
}

/** All records of a file, by their numbers. */
async function scannedRecords(reader: ByteReader): Promise<Records> {
  const list = new RecordList();
  for (let offset = 0, key = 0; offset < reader.size; key++) {
    const head = await readRecordHead(reader, offset);
    list.push(key, head);
    offset += head.length;
  }
  return list.build();
}

function refuseLabel(file: string, offset: number, label: number): never {
  throw new ProtomemError({
    where: file,
    what: `the label at offset ${offset}`,
    got: label,
    expected: `the number of an identity, 0 to ${INEXACT - 1}`,
    fix:
      label >= INEXACT
        ? 'Labels are float32, which does not tell larger integers apart: write another format, such as WebDataset.'
        : 'Other labels, as for regression or boxes, do not say who is on an image.',
  });
}
