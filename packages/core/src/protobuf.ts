// Protocol buffers' wire format: a key (field number and kind), then a varint, 8 bytes, a length and bytes, or 4 bytes.

/** A field that is a whole number, 0 or above. */
export function varint(field: number, value: number): Uint8Array {
  return Uint8Array.from([...varintBytes(field * 8), ...varintBytes(value)]);
}

export function double(field: number, value: number): Uint8Array {
  const found = new Uint8Array(9);
  found[0] = field * 8 + 1;
  new DataView(found.buffer).setFloat64(1, value, true);
  return found;
}

export function float(field: number, value: number): Uint8Array {
  const found = new Uint8Array(5);
  found[0] = field * 8 + 5;
  new DataView(found.buffer).setFloat32(1, value, true);
  return found;
}

/** A field that is bytes, text or a message: `content` is what stands inside. */
export function bytes(field: number, ...content: readonly Uint8Array[]): Uint8Array {
  const length = content.reduce((sum, part) => sum + part.length, 0);
  return joined(Uint8Array.from([...varintBytes(field * 8 + 2), ...varintBytes(length)]), ...content);
}

export function text(field: number, value: string): Uint8Array {
  return bytes(field, new TextEncoder().encode(value));
}

/** A repeated double in one piece. */
export function doubles(field: number, values: readonly number[]): Uint8Array {
  const content = new DataView(new ArrayBuffer(8 * values.length));
  values.forEach((value, i) => {
    content.setFloat64(8 * i, value, true);
  });
  return bytes(field, new Uint8Array(content.buffer));
}

/** A repeated float in one piece. */
export function floats(field: number, values: readonly number[]): Uint8Array {
  const content = new DataView(new ArrayBuffer(4 * values.length));
  values.forEach((value, i) => {
    content.setFloat32(4 * i, value, true);
  });
  return bytes(field, new Uint8Array(content.buffer));
}

export function joined(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

function varintBytes(value: number): number[] {
  const found: number[] = [];
  for (; value >= 128; value = Math.floor(value / 128)) found.push((value % 128) + 128);
  return [...found, value];
}
