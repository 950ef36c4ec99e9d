import { extname } from 'node:path';
import { escapeName } from '@protomem/core';
import { imageExtensions } from '../sources/image-files.ts';
import { naturalOrder } from '../sources/natural-order.ts';

/** Endings of a format; the first is the usual one. */
const formats: readonly { readonly endings: readonly string[]; readonly begins: RegExp }[] = [
  { endings: ['.jpg', '.jpeg', '.jpe', '.jfif'], begins: /^\xff\xd8\xff/ },
  { endings: ['.png'], begins: /^.PNG\r\n/s },
  { endings: ['.webp'], begins: /^RIFF.{4}WEBP/s },
  { endings: ['.avif'], begins: /^.{4}ftypavi[fs]/s },
  { endings: ['.gif'], begins: /^GIF8[79]a/ },
  { endings: ['.tif', '.tiff'], begins: /^(II\*\0|MM\0\*)/ },
];

/**
 * A name for a file with these bytes: its own where the ending fits, else with the ending that does. Bytes of no known
 * format keep an ending that images have, and get `.jpg` without one: to tell what they are is not a name's business.
 */
export function withEnding(name: string, bytes: Uint8Array): string {
  const own = extname(name).toLowerCase();
  const isOne = imageExtensions.includes(own);
  const start = Buffer.from(bytes.subarray(0, 16)).toString('latin1');
  const format = formats.find(({ begins }) => begins.test(start));
  if (format ? format.endings.includes(own) : isOne) return name;
  return (isOne ? stemOf(name) : name) + (format?.endings[0] ?? '.jpg');
}

/** The name without the ending of an image. */
function stemOf(name: string): string {
  const own = extname(name);
  return imageExtensions.includes(own.toLowerCase()) ? name.slice(0, -own.length) : name;
}

/**
 * Names that any file system takes, that differ also where it does not tell cases apart, and whose natural order is the
 * order here. Names that are such stay as they are. When one is not, or is out of order, all get their number in front:
 * `000012-Ada`.
 */
export function orderedNames(names: readonly string[]): string[] {
  const clean = names.map(cleanName);
  // Compared with what follows a stem at least, since endings may change.
  const keys = clean.map((name) => `${stemOf(name)}.`);
  const seen = new Set(keys.map((key) => key.toLowerCase()));
  const ordered = keys.every(
    (key, i) => i === 0 || (naturalOrder(keys[i - 1]!, key) < 0 && !key.startsWith(keys[i - 1]!)),
  );
  if (ordered && seen.size === names.length) return clean;
  const digits = String(names.length).length;
  return clean.map((name, i) => `${String(i + 1).padStart(digits, '0')}-${name}`);
}

/** A name without what some file system does not take. */
function cleanName(name: string): string {
  const clean = name
    // What a list of files escapes, though its readers take paths as they are.
    .replace(/./gsu, (character) => (escapeName(character) === character ? character : '_'))
    .replace(/[\\/:*?"<>|]/g, '_')
    .replace(/^\.|[. ]$/g, '_')
    .replace(/^(con|prn|aux|nul|com\d|lpt\d)(?=\.|$)/i, '$1_');
  // File systems take 255 bytes, of which a number and an ending may need some.
  // As a stream: half a character at the end waits for the rest of it.
  const short = new TextDecoder('utf-8', { ignoreBOM: true }).decode(Buffer.from(clean).subarray(0, 200), {
    stream: true,
  });
  return short || '_';
}
