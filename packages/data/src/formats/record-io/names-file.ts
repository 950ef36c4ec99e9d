import { cellOfName, escapeName, nameOfCell, ProtomemError, unescapeName, upperBound } from '@protomem/core';
import { type StringTable, StringTableBuilder, stringAt } from '../../sources/string-table.ts';

/**
 * Names of the images of a RecordIO file, which itself has only numbers: lines `key <tab> identity/image <tab> label`, as
 * in CVLface's `train.tsv`. Deeper folders are left out: `a/b/Ada/1.jpg` is image `1.jpg` of `Ada`.
 */
export interface NamesFile {
  /** Name of the identity with a label. */
  readonly identities: ReadonlyMap<number, string>;
  /** Keys of the images, ascending. */
  readonly keys: Float64Array;
  readonly images: StringTable;
}

/** @throws {ProtomemError} with the line's number when a line is none, or keys do not ascend. */
export function parseNamesFile(bytes: Uint8Array, file: string): NamesFile {
  const identities = new Map<number, string>();
  const images = new StringTableBuilder();
  const keys: number[] = [];
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = 0, line = 1; at < bytes.length; line++) {
    const found = bytes.indexOf(10, at);
    const end = found < 0 ? bytes.length : found;
    const row = text.toString('utf8', at, end).replace(/\r$/, '');
    const fields = row.split('\t');
    at = end + 1;
    const [key, path, label] = fields;
    // A heading may come first.
    if (row === '' || (line === 1 && !isCount(key))) continue;
    if (fields.length !== 3 || !isCount(key) || !isCount(label)) {
      refuse(file, line, fields.join(' '), 'a key, a path and a label, tabs between');
    }
    if (keys.length > 0 && Number(key) <= keys.at(-1)!) refuse(file, line, `key ${key}`, 'a key above the one before');
    const folders = path!.split('/');
    keys.push(Number(key));
    images.push(unescapeName(folders.pop()!));
    const identity = nameOfCell(folders.pop() ?? '');
    if (identity && !identities.has(Number(label))) identities.set(Number(label), identity);
  }
  return { identities, keys: Float64Array.from(keys), images: images.build() };
}

/** Name of the image with a key, if it has one. */
export function imageNameOf({ keys, images }: NamesFile, key: number): string | undefined {
  const at = upperBound(keys, key) - 1;
  return keys[at] === key ? stringAt(images, at) || undefined : undefined;
}

/** One line. What separates fields or lines is escaped in names, so that they come back; a `/`, which cannot be, is replaced. */
export function namesLine(key: number, identity: string, image: string, label: number): string {
  const [folder, file] = [identity, image].map((name) => name.replaceAll('/', '_')) as [string, string];
  return `${key}\t${cellOfName(folder)}/${escapeName(file)}\t${label}\n`;
}

function isCount(text: string | undefined): boolean {
  return text !== undefined && /^\d{1,15}$/.test(text);
}

function refuse(file: string, line: number, got: string, expected: string): never {
  const fix = 'Without this file identities are named by their numbers: move it away.';
  throw new ProtomemError({ where: file, what: `line ${line}`, got, expected, fix });
}
