import { ProtomemError } from '@protomem/core';
import type { ByteReader } from '../byte-reader.ts';
import { readPickle } from '../pickle/read-pickle.ts';
import { bytesOf, describeValue, integerOf } from '../pickle/values.ts';
import { type Entry, showKey } from './page.ts';

/** Where an image lies in the file, and the number of its identity. */
export interface LabelledImage {
  readonly offset: number;
  readonly length: number;
  readonly label: number;
}

/** Instructions of a pickle of an image and a label; arrays of numpy take some thirty each. */
const MOST = 256;

/** Reads a value that is an image and a label, pickled or in MessagePack. The image itself is passed over. */
export async function readLabelled(reader: ByteReader, entry: Entry): Promise<LabelledImage> {
  const [first = 0] = entry.length > 0 ? await reader.read(entry.offset, 1) : [];
  if (first === 0x80) return readPickled(reader, entry);
  if (first === 0x92) return readMessagePack(reader, entry);
  return refuse(reader, entry, `a value that begins with 0x${first.toString(16).padStart(2, '0')}`);
}

async function readPickled(reader: ByteReader, entry: Entry): Promise<LabelledImage> {
  const { value } = await readPickle(reader, entry.offset, entry.offset + entry.length, MOST);
  if (!Array.isArray(value) || value.length !== 2) return refuse(reader, entry, describeValue(value));
  const [image, own] = value;
  // A DataLoader that makes batches of one leaves an image in a list.
  const span = bytesOf(Array.isArray(image) && image.length === 1 ? image[0] : image);
  const label = integerOf(own);
  if (!span || span.kind === 'latin1' || label === undefined || label < 0) {
    return refuse(reader, entry, `a pickle of ${describeValue(image)} and ${describeValue(own)}`);
  }
  return { offset: span.offset, length: span.length, label };
}

/** Bytes of the length that follows, by the first byte of binary data; text is how older writers keep it. */
const binaries: Readonly<Record<number, number>> = { 196: 1, 197: 2, 198: 4, 217: 1, 218: 2, 219: 4 };
/** Bytes of an unsigned number, by its first byte. Signed ones are equal where they are no less than 0. */
const numbers: Readonly<Record<number, number>> = { 204: 1, 205: 2, 206: 4, 208: 1, 209: 2, 210: 4 };

/** Source: MessagePack specification, formats array, bin, str, int. */
async function readMessagePack(reader: ByteReader, entry: Entry): Promise<LabelledImage> {
  const end = entry.offset + entry.length;
  const at = entry.offset + 1;
  const head = Buffer.from(await reader.read(at, Math.min(5, end - at)));
  const code = head[0] ?? 0;
  const short = code >= 0xa0 && code < 0xc0;
  const size = short ? 0 : binaries[code];
  if (size === undefined || head.length < 1 + size) return refuse(reader, entry, 'MessagePack of something else');
  const length = short ? code - 0xa0 : head.readUIntBE(1, size);
  const offset = at + 1 + size;
  const rest = end - offset - length;
  if (rest < 1 || rest > 5) return refuse(reader, entry, `MessagePack of ${length} bytes, ${rest} before its end`);
  const tail = Buffer.from(await reader.read(offset + length, rest));
  const bytes = tail[0]! < 0x80 ? 0 : numbers[tail[0]!];
  if (bytes === undefined || rest !== 1 + bytes) return refuse(reader, entry, 'MessagePack of an image and no number');
  const label = bytes === 0 ? tail[0]! : tail.readUIntBE(1, bytes);
  if (tail[0]! >= 208 && label >= 2 ** (8 * bytes - 1)) return refuse(reader, entry, 'a label below 0');
  return { offset, length, label };
}

function refuse(reader: ByteReader, { key, offset }: Entry, got: string): never {
  throw new ProtomemError({
    where: reader.file,
    what: `key ${showKey(key)}, offset ${offset},`,
    got,
    expected: 'a pickle (protocol 3 to 5) or MessagePack of image bytes and the number of their identity',
    fix: 'Write it anew in one of these, or with keys identity/image and the images as values.',
  });
}
