/** Tables of 16 bits ahead, for the codes of two DC and two AC classes: length of the code, and its symbol. */
const tables = Array.from({ length: 8 }, () => new Uint16Array(2 ** 16));

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
  const table = tables[4 * ((bytes[at]! >> 4) & 1) + (bytes[at]! & 3)]!;
  let symbol = at + 17;
  let code = 0;
  for (let length = 1; length <= 16; length++) {
    const span = 2 ** (16 - length);
    for (let i = bytes[at + length]!; i > 0; i--) {
      table.fill((length << 8) | (bytes[symbol++] ?? 0), code, code + span);
      code += span;
    }
  }
  table.fill(0, code);
  return symbol;
}

// Written out in one loop: it takes the time, and variables that functions share are three times as slow.
function walk(bytes: Uint8Array, start: number, components: readonly Component[], units: number, interval: number) {
  let at = start;
  // The last `count` bits of `bits` are ahead; the last `invented` of them are not in the file.
  let bits = 0;
  let count = 0;
  let invented = 0;
  for (let unit = 0; unit < units; unit++) {
    if (interval > 0 && unit > 0 && unit % interval === 0) {
      if (bytes[at] !== 0xff || (bytes[at + 1]! & 0xf8) !== 0xd0) return false;
      at += 2;
      bits = count = invented = 0;
    }
    for (const { blocks, dc, ac } of components) {
      for (let block = 0; block < blocks; block++) {
        for (let k = 0; k < 64; k++) {
          let passed = 0;
          // The code, then the bits that belong to its symbol.
          let found = 0;
          for (let turn = 0; turn < 2; turn++) {
            while (count < 16) {
              const byte = at < bytes.length ? bytes[at]! : 0xff;
              if (byte !== 0xff) at++;
              else if (bytes[at + 1] === 0) at += 2;
              else invented += 8;
              bits = (bits << 8) | byte;
              count += 8;
            }
            if (turn === 0) {
              found = (k === 0 ? dc : ac)[(bits >>> (count - 16)) & 0xffff]!;
              passed = found >> 8;
            } else passed = found & 15;
            count -= passed;
          }
          if (found === 0) return false;
          if (k === 0) continue;
          if ((found & 0xff) === 0) break;
          k += (found >> 4) & 15;
        }
      }
    }
    if (invented > count) return false;
  }
  return true;
}
