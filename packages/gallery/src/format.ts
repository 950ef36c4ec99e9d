import { check, checkShape, isObject, parseJson, tfRecord } from '@protomem/core';
import type { Calibration } from './calibration.ts';

/** A gallery's bytes: records of TensorFlow's format, each a line of JSON and float32 numbers behind it. */

/** What each record may take: the JSON, and embeddings of one person. */
export const MOST_BYTES = 2 ** 28;
export const FORMAT = 'protomem-gallery';
const VERSION = 1;
const LINE_FEED = 10;

/** The encoder of a gallery. */
export interface ModelIdentity {
  /** For people, such as its path. */
  readonly name: string;
  /** Two models with the same one give the same embeddings: `fingerprint` of a model of `@protomem/protocols`, `encoderFingerprint` of `@protomem/encoders`. */
  readonly fingerprint: string;
}

/** The first record. */
export interface Header {
  readonly width: number;
  readonly model: ModelIdentity;
  readonly template: 'mean' | 'best';
}

/** A record behind the first. */
export type Entry =
  | {
      readonly kind: 'enrol';
      readonly person: string;
      readonly images: readonly string[];
      readonly vectors: Float32Array;
    }
  | { readonly kind: 'remove'; readonly person: string; readonly image?: string }
  | { readonly kind: 'calibrate'; readonly calibration: Calibration };

/** JSON and numbers as a record. */
function encode(json: object, numbers: Float32Array = new Float32Array(0)): Uint8Array {
  const line = new TextEncoder().encode(`${JSON.stringify(json)}\n`);
  const bytes = new Uint8Array(line.length + numbers.byteLength);
  bytes.set(line);
  bytes.set(new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength), line.length);
  return tfRecord(bytes);
}

export const encodeHeader = (header: Header): Uint8Array => encode({ format: FORMAT, version: VERSION, ...header });

export function encodeEntry(entry: Entry): Uint8Array {
  if (entry.kind !== 'enrol') return encode(entry);
  const { vectors, ...json } = entry;
  return encode(json, vectors);
}

function decode(bytes: Uint8Array, where: string, what: string) {
  const end = bytes.indexOf(LINE_FEED);
  const place = { where, what, expected: `a record of ${FORMAT}` };
  const text = new TextDecoder().decode(bytes.subarray(0, Math.max(0, end)));
  const json = parseJson(text, place);
  check(isObject(json), () => ({ ...place, got: text }));
  // A copy: numbers begin at any byte, and views of them at multiples of four.
  const numbers = bytes.slice(end + 1);
  check(numbers.length % 4 === 0, () => ({ ...place, got: `${numbers.length} bytes behind its line` }));
  return { json, numbers: new Float32Array(numbers.buffer) };
}

export function decodeHeader(bytes: Uint8Array, where: string): Header {
  const { json } = decode(bytes, where, 'its first record');
  check(json.format === FORMAT && json.version === VERSION, () => ({
    where,
    what: 'its format',
    got: `${json.format} ${json.version}`,
    expected: `${FORMAT} ${VERSION}`,
    fix: json.format === FORMAT ? 'It was written by a later release: use that one.' : undefined,
  }));
  checkShape(json, { width: 'number', model: { name: 'text', fingerprint: 'text' }, template: 'text' }, where);
  const { width, model, template } = json as unknown as Header;
  check(Number.isSafeInteger(width) && width > 0 && width <= 65_536, () => ({
    where,
    what: 'width',
    got: width,
    expected: 'an integer in [1, 65536]',
  }));
  check(template === 'mean' || template === 'best', () => ({
    where,
    what: 'template',
    got: template,
    expected: 'mean or best',
  }));
  return { width, model: { name: model.name, fingerprint: model.fingerprint }, template };
}

const shapes = {
  enrol: { person: 'text', images: ['text'] },
  remove: { person: 'text', 'image?': 'text' },
  calibrate: {
    calibration: {
      source: 'text',
      strangers: 'number',
      same: 'number',
      points: [{ far: 'number', threshold: 'number' }],
      missed: [{ threshold: 'number', share: 'number' }],
    },
  },
} as const;

export function decodeEntry(bytes: Uint8Array, where: string, offset: number, width: number): Entry {
  const what = `the record at byte ${offset}`;
  const { json, numbers } = decode(bytes, where, what);
  const kind = json.kind as keyof typeof shapes;
  check(typeof kind === 'string' && Object.hasOwn(shapes, kind), () => ({
    where,
    what,
    got: json.kind,
    expected: `one of ${Object.keys(shapes).join(', ')}`,
    fix: 'It may have been written by a later release: use that one.',
  }));
  checkShape(json, shapes[kind], `${where}, ${what}`);
  if (kind !== 'enrol') return json as unknown as Entry;
  const { person, images } = json as { person: string; images: string[] };
  check(images.length > 0 && numbers.length === images.length * width && numbers.every(Number.isFinite), () => ({
    where,
    what,
    got: `${images.length} images and ${numbers.length} numbers`,
    expected: `${width} finite numbers an image, at least one`,
  }));
  return { kind, person, images, vectors: numbers };
}
