import { createReadStream } from 'node:fs';
import { truncate } from 'node:fs/promises';
import { ProtomemError, parseJson } from '@protomem/core';
import type { AlignedPhoto } from './align-photo.ts';

/** What an alignment was made with; a resumed one must have the same. */
export interface AlignmentSettings {
  readonly size: number;
  readonly format: string;
  readonly prefer: string;
  readonly none: string;
  /** Names the detector. */
  readonly detector: string;
}

/** What became of one file: a line of `alignment.jsonl`. */
export interface AlignmentRecord extends Omit<AlignedPhoto, 'outcome' | 'image' | 'faces'> {
  /** Path of the photo below its folder, with `/` between its parts. */
  readonly file: string;
  /** `not-read`: the file could not be read; never in the record, since it is tried again. */
  readonly outcome: AlignedPhoto['outcome'] | 'unreadable' | 'not-read';
  /** Path of the aligned image below its folder. */
  readonly output?: string;
  readonly faces?: number;
}

/**
 * Reads the record of an alignment and cuts off a last line that was not finished.
 *
 * @param path of `alignment.jsonl`.
 * @param settings of the alignment to go on.
 * @param onRecord called with each record, in the file's order.
 */
export async function readRecords(
  path: string,
  settings: AlignmentSettings,
  onRecord: (record: AlignmentRecord) => void,
): Promise<void> {
  let rest: Buffer = Buffer.alloc(0);
  let offset = 0;
  let line = 0;
  for await (const chunk of createReadStream(path)) {
    let bytes = rest.length > 0 ? Buffer.concat([rest, chunk as Buffer]) : (chunk as Buffer);
    for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10)) {
      line++;
      const value = parse(path, offset, bytes.subarray(0, end));
      if (line === 1) checkSettings(path, value, settings);
      else onRecord(value as AlignmentRecord);
      offset += end + 1;
      bytes = bytes.subarray(end + 1);
    }
    rest = bytes;
    if (rest.length <= MAX_LINE) continue;
    const [what, got] = [`the line at byte ${offset}`, `longer than ${MAX_LINE} bytes`];
    throw new ProtomemError({ where: path, what, got, expected: 'a line a photo', fix: DAMAGED });
  }
  if (line === 0) checkSettings(path, {}, settings);
  if (rest.length > 0) await truncate(path, offset);
}

const DAMAGED = 'The record is damaged: take the line out (its photo is aligned anew), or align into a new folder.';
/** Longest line, bytes: a photo of some hundred faces. A damaged file may have none that ends. */
const MAX_LINE = 2 ** 20;

function parse(path: string, offset: number, line: Buffer): unknown {
  const [what, fix] = [`the line at byte ${offset}`, DAMAGED];
  const value = parseJson(line.toString(), { where: path, what, fix });
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  throw new ProtomemError({ where: path, what, got: value, expected: 'an object', fix });
}

function checkSettings(path: string, first: unknown, settings: AlignmentSettings): void {
  const found = (first as { settings?: Record<string, unknown> } | null)?.settings;
  for (const [what, expected] of Object.entries(settings)) {
    if (found?.[what] === expected) continue;
    throw new ProtomemError({
      where: path,
      what: `"${what}" of the alignment to go on`,
      got: found?.[what],
      expected: `${JSON.stringify(expected)}, as asked for now`,
      fix: 'Resume with the settings of the first run, or align into a new folder.',
    });
  }
}
