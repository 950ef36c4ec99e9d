import { imageOfRecord } from './record-io/record.ts';

/** Where bytes come from, for messages. */
export interface Place {
  readonly file: string;
  readonly offset: number;
}

/** How bytes of a file become an image file, by name: a worker thread is told the name. */
const unwraps = {
  /** They are one. */
  nothing: (bytes: Uint8Array, _place: Place): Uint8Array => bytes,
  /** They are a record of a RecordIO file. */
  recordIo: imageOfRecord,
} as const;

export type UnwrapName = keyof typeof unwraps;

/** Applies one by name. */
export function unwrapImage(name: UnwrapName, bytes: Uint8Array, place: Place): Uint8Array {
  return unwraps[name](bytes, place);
}
