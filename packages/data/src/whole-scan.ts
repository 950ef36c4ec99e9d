/** Tables of 16 bits ahead, for the codes of two DC and two AC classes: length of the code, and its symbol. */
const tables = Array.from({ length: 8 }, () => new Uint16Array(2 ** 16));
/** What each was read from: most files of a data set have the same. */
const readFrom = tables.map(() => new Uint8Array(0));

interface Component {
  /** Blocks of it in a unit of the scan. */
  readonly blocks: number;
  dc: Uint16Array;
  ac: Uint16Array;
}

/**
 * Whether the coded data of a JPEG file hold all of its blocks, or end before the image does: decoders make up the rest, each
 * in its own way. Walks the Huffman codes without unpacking what they stand for, a fraction of a decoder's work.
 *
 * Source: ITU-T T.81, annexes B, C and F.
 *
 * @param bytes a file that `isPlainJpeg` says yes to: Huffman-coded, sequential, three components in one scan.
 * @returns false too where a code has no meaning; a restart marker that is missing counts as missing data.
 */
export function isWholeScan(bytes: Uint8Array): boolean {
  const word = (at: number): number => (bytes[at]! << 8) | bytes[at + 1]!;
  const components = new Map<number, Component>();
  let units = 0;
  let interval = 0;
  let at = 2;
  for (; word(at) !== 0xffda; at += 2 + word(at + 2)) {
    if (at + 4 > bytes.length) return false;
    const [marker, end] = [word(at), at + 2 + word(at + 2)];
    if (marker === 0xffdd) interval = word(at + 4);
    if (marker === 0xffc4) for (let table = at + 4; table < end; ) table = readTable(bytes, table);
    if (marker !== 0xffc0 && marker !== 0xffc1) continue;
    const sampling = [11, 14, 17].map((offset) => bytes[at + offset]!);
    const [wide, high] = [sampling.map((each) => each >> 4), sampling.map((each) => each & 15)];
    sampling.forEach((_, i) => {
      components.set(bytes[at + 10 + 3 * i]!, { blocks: wide[i]! * high[i]!, dc: tables[0]!, ac: tables[4]! });
    });
    const across = Math.ceil(word(at + 7) / (8 * Math.max(...wide)));
    units = across * Math.ceil(word(at + 5) / (8 * Math.max(...high)));
  }
  for (let i = 0; i < 3; i++) {
    const component = components.get(bytes[at + 5 + 2 * i]!);
    if (!component) return false;
    const classes = bytes[at + 6 + 2 * i]!;
    component.dc = tables[(classes >> 4) & 3]!;
    component.ac = tables[4 + (classes & 3)]!;
  }
  return walk(bytes, at + 2 + word(at + 2), [...components.values()], units, interval);
}

/** Reads one table of a DHT segment. @returns where the next one begins. */
function readTable(bytes: Uint8Array, at: number): number {
  const index = 4 * ((bytes[at]! >> 4) & 1) + (bytes[at]! & 3);
  const table = tables[index]!;
  const lengths = bytes.subarray(at + 1, at + 17);
  const end = at + 17 + lengths.reduce((a, b) => a + b, 0);
  const definition = bytes.subarray(at + 1, end);
  if (readFrom[index]!.length === definition.length && readFrom[index]!.every((byte, i) => byte === definition[i])) {
    return end;
  }
  readFrom[index] = definition.slice();
  let symbol = at + 17;
  let code = 0;
  for (let length = 1; length <= 16; length++) {
    const span = 2 ** (16 - length);
    for (let i = lengths[length - 1]!; i > 0; i--) {
      table.fill((length << 8) | (bytes[symbol++] ?? 0), code, code + span);
      code += span;
    }
  }
  table.fill(0, code);
  return end;
}

/** Coded data without the zeros that stand behind each 0xff, and behind them ones, more than a block can take. */
let coded = new DataView(new ArrayBuffer(0));
const BEYOND = 512;

/** Copies data up to the next marker into {@link coded}. @returns how many bytes they are, and where the marker stands. */
function unstuff(bytes: Uint8Array, start: number): { readonly length: number; readonly end: number } {
  if (coded.byteLength < bytes.length + BEYOND) coded = new DataView(new ArrayBuffer(2 * bytes.length + BEYOND));
  const target = new Uint8Array(coded.buffer);
  let length = 0;
  for (let from = start; ; ) {
    const found = bytes.indexOf(0xff, from);
    const end = found < 0 ? bytes.length : found;
    const isData = bytes[end + 1] === 0;
    const part = bytes.subarray(from, isData ? end + 1 : end);
    target.set(part, length);
    length += part.length;
    if (!isData) {
      target.fill(0xff, length, length + BEYOND);
      return { length, end };
    }
    from = end + 2;
  }
}

function walk(bytes: Uint8Array, start: number, components: readonly Component[], units: number, interval: number) {
  let at = start;
  for (let first = 0; first < units; first += interval || units) {
    if (first > 0) {
      // Any number of them may stand before a marker.
      while (bytes[at] === 0xff && bytes[at + 1] === 0xff) at++;
      if (bytes[at] !== 0xff || (bytes[at + 1]! & 0xf8) !== 0xd0) return false;
      at += 2;
    }
    const { length, end } = unstuff(bytes, at);
    if (!holds(length, components, interval ? Math.min(interval, units - first) : units)) return false;
    at = end;
  }
  return true;
}

/** Whether the first bytes of {@link coded} hold so many units. */
function holds(length: number, components: readonly Component[], units: number): boolean {
  const view = coded;
  let bit = 0;
  for (let unit = 0; unit < units; unit++) {
    for (const { blocks, dc, ac } of components) {
      for (let block = 0; block < blocks; block++) {
        for (let k = 0; k < 64; k++) {
          const ahead = (view.getUint32(bit >>> 3) >>> (16 - (bit & 7))) & 0xffff;
          const found = (k === 0 ? dc : ac)[ahead]!;
          if (found === 0) return false;
          // The code, and the bits that belong to its symbol.
          bit += (found >> 8) + (found & 15);
          if (k === 0) continue;
          if ((found & 0xff) === 0) break;
          k += (found >> 4) & 15;
        }
        if (bit > 8 * length) return false;
      }
    }
  }
  return true;
}
