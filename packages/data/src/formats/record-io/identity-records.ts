import { type Remarks, upperBound } from '@protomem/core';
import type { Records } from './record-list.ts';

const conflict = 'in conflict';

/** The keys of an identity's images: `first ... end - 1`. */
interface Range {
  readonly identity: number;
  readonly first: number;
  readonly end: number;
}

/**
 * Compares InsightFace's identity records with each other and with the labels of the images: record 0 tells which keys
 * the identity records have, each of them which keys its images have. Nothing is taken from them, since readers of MXNet
 * go by the labels; where they say something else, one of the two is wrong.
 *
 * @param hasKeys false where keys are the records' numbers in the file, since it has no `.idx`.
 */
export function checkIdentityRecords(records: Records, hasKeys: boolean, remarks: Remarks): void {
  const { keys, labels, ends } = records;
  const positions: number[] = [];
  for (let i = 0; i < keys.length; i++) if (records.isRange(i)) positions.push(i);
  if (positions.length === 0) return;
  const isWhole = keys[0] === 0 && records.isRange(0) && isRange(labels[0]!, ends[0]!, 1, Number.POSITIVE_INFINITY);
  if (!isWhole) {
    const reason = 'records without an image, of which record 0 does not say what they are';
    for (const i of positions) remarks.add('passed over', reason, `key ${keys[i]}`);
    return;
  }
  const [firstIdentity, identityEnd] = [labels[0]!, ends[0]!];
  const ranges: Range[] = [];
  let expected = firstIdentity;
  let complete = true;
  const missing = (until: number): void => {
    // Of a damaged record 0, any number may be missing.
    if (expected < until) {
      const [from, to] = [expected - firstIdentity, until - firstIdentity - 1];
      remarks.add(
        conflict,
        'identities without their record',
        from === to ? `identity ${from}` : `identities ${from} to ${to}`,
      );
      complete = false;
    }
  };
  for (const i of positions.slice(1)) {
    const [key, first, end] = [keys[i]!, labels[i]!, ends[i]!];
    if (key < firstIdentity || key >= identityEnd) {
      remarks.add(conflict, 'identity records that record 0 does not name', `key ${key}`);
      complete = false;
      continue;
    }
    missing(key);
    expected = key + 1;
    const identity = key - firstIdentity;
    if (!isRange(first, end, 1, firstIdentity)) {
      remarks.add(conflict, 'identity records that name no keys of images', `identity ${identity}: ${first} to ${end}`);
    } else if (first === end) remarks.add('passed over', 'identities without images', `identity ${identity}`);
    else ranges.push({ identity, first, end });
  }
  missing(identityEnd);
  if (!hasKeys && !complete) return;
  remarkOverlaps(ranges, remarks);
  compareLabels(records, ranges, remarks);
}

function isRange(first: number, end: number, low: number, high: number): boolean {
  return Number.isInteger(first) && Number.isInteger(end) && low <= first && first <= end && end <= high;
}

/** Sorts by the first key. */
function remarkOverlaps(ranges: Range[], remarks: Remarks): void {
  ranges.sort((a, b) => a.first - b.first || a.identity - b.identity);
  let widest: Range | undefined;
  for (const range of ranges) {
    if (widest && range.first < widest.end) {
      remarks.add(
        conflict,
        "identity records that overlap; the images' own labels decide",
        `${keysOf(widest)}, ${keysOf(range)}`,
      );
    }
    if (!widest || range.end > widest.end) widest = range;
  }
}

/** @param ranges by their first keys. */
function compareLabels({ keys, labels, isRange }: Records, ranges: readonly Range[], remarks: Remarks): void {
  const firsts = Float64Array.from(ranges, ({ first }) => first);
  const byIdentity = new Map(ranges.map((range) => [range.identity, range]));
  const has = (range: Range | undefined, key: number): boolean =>
    range !== undefined && range.first <= key && key < range.end;
  for (let i = 0; i < keys.length; i++) {
    const [key, label] = [keys[i]!, labels[i]!];
    if (isRange(i) || has(byIdentity.get(label), key)) continue;
    const other = ranges[upperBound(firsts, key) - 1];
    const reason = has(other, key)
      ? 'images whose label is not that of their identity record; the label decides'
      : 'images that the identity records do not name; the label decides';
    const said = [`key ${key}: label ${label}`, keysOf(byIdentity.get(label)), has(other, key) && keysOf(other)];
    remarks.add(conflict, reason, said.filter(Boolean).join(', '));
  }
}

function keysOf(range: Range | undefined): string | undefined {
  return range && `record of identity ${range.identity}: keys ${range.first} to ${range.end - 1}`;
}
