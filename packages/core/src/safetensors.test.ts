import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeSafetensors, encodeSafetensors, takeTensor } from './safetensors.ts';
import { joinStates, partState, type State, type TensorData } from './state.ts';

const encode = (tensors: Record<string, TensorData>, metadata: Record<string, string> = {}): Uint8Array =>
  new Uint8Array(Buffer.concat(encodeSafetensors({ tensors, metadata })));

const sample: Record<string, TensorData> = {
  bytes: { dtype: 'U8', shape: [3], data: Uint8Array.of(1, 2, 3) },
  weights: { dtype: 'F32', shape: [2, 2], data: Float32Array.of(1, -0, Number.NaN, 1e-40) },
  ids: { dtype: 'F64', shape: [2], data: Float64Array.of(2 ** 53 - 1, 7) },
  empty: { dtype: 'I32', shape: [0, 4], data: new Int32Array(0) },
};

describe('safetensors', () => {
  it('reads back what it wrote, bit for bit', () => {
    const { tensors, metadata } = decodeSafetensors(encode(sample, { note: 'é' }));
    expect(metadata).toEqual({ note: 'é' });
    for (const [name, { dtype, shape, data }] of Object.entries(sample)) {
      expect(tensors[name]).toMatchObject({ dtype, shape });
      expect(Buffer.from(tensors[name]!.data.buffer)).toEqual(Buffer.from(data.buffer));
    }
  });

  it('reads a Buffer, wherever it lies in its memory, into tensors of their own', () => {
    const bytes = encode(sample);
    const buffer = Buffer.concat([Buffer.alloc(5), bytes]).subarray(5);
    const { tensors } = decodeSafetensors(buffer);
    buffer.fill(0);
    for (const [name, { data }] of Object.entries(sample)) {
      expect(Buffer.from(tensors[name]!.data.buffer)).toEqual(Buffer.from(data.buffer));
    }
  });

  it('aligns every tensor to its element size, as other readers expect', () => {
    const bytes = encode(sample);
    const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
    expect((8 + length) % 8).toBe(0);
    const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
    for (const [name, { data }] of Object.entries(sample)) {
      expect(header[name].data_offsets[0] % data.BYTES_PER_ELEMENT).toBe(0);
    }
  });

  it('refuses a file cut short at any length, and one with bytes to spare', () => {
    const bytes = encode(sample);
    for (let length = 0; length < bytes.length; length++) {
      expect(() => decodeSafetensors(bytes.subarray(0, length), 'x.safetensors')).toThrow(/^x\.safetensors: /);
    }
    expect(() => decodeSafetensors(Buffer.concat([bytes, Buffer.of(0)]))).toThrow('its data length');
  });

  it('never does worse than a clear error on damaged bytes', () => {
    const bytes = encode(sample);
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.nat(255), (at, value) => {
        const damaged = Uint8Array.from(bytes);
        damaged[at] = value;
        try {
          decodeSafetensors(damaged);
        } catch (error) {
          expect((error as Error).name).toBe('ProtomemError');
        }
      }),
      { seed: 1, numRuns: 500 },
    );
  });

  it('does not allocate what a hostile header asks for', () => {
    const header = new TextEncoder().encode(
      '{"a":{"dtype":"F32","shape":[1000000000000],"data_offsets":[0,4000000000000]}}',
    );
    const bytes = Buffer.concat([Buffer.alloc(8), header]);
    bytes.writeBigUInt64LE(BigInt(header.length));
    expect(() => decodeSafetensors(bytes)).toThrow('4000000000000 bytes inside the file');
  });

  /** A file with this header and so many bytes of data. */
  const fileOf = (header: string, length: number): Uint8Array => {
    const bytes = Buffer.concat([Buffer.alloc(8), Buffer.from(header), Buffer.alloc(length, 1)]);
    bytes.writeBigUInt64LE(BigInt(Buffer.byteLength(header)));
    return bytes;
  };
  const entry = (begin: number, end: number): string =>
    `{"dtype":"U8","shape":[${end - begin}],"data_offsets":[${begin},${end}]}`;

  it('takes tensors in any order of the header, empty ones too, that cover the data without gap or overlap', () => {
    const { tensors } = decodeSafetensors(
      fileOf(`{"b":${entry(2, 5)},"none":${entry(2, 2)},"a":${entry(0, 2)},"last":${entry(5, 5)}}`, 5),
    );
    expect(Object.entries(tensors).map(([name, { data }]) => [name, data.length])).toEqual([
      ['b', 3],
      ['none', 0],
      ['a', 2],
      ['last', 0],
    ]);
  });

  it.each([
    ['overlap', `{"a":${entry(0, 3)},"b":${entry(2, 5)}}`, 5, 'the begin of tensor "b" is 2, expected 3'],
    ['the same bytes twice, others never', `{"a":${entry(0, 2)},"b":${entry(0, 2)}}`, 4, 'tensor "b" is 0, expected 2'],
    ['a gap', `{"a":${entry(0, 2)},"b":${entry(3, 5)}}`, 5, 'the begin of tensor "b" is 3, expected 2'],
    ['a gap in front', `{"a":${entry(1, 2)}}`, 2, 'the begin of tensor "a" is 1, expected 0'],
    ['bytes of nobody', `{"a":${entry(0, 2)}}`, 3, 'its data length is 3, expected 2'],
    ['an empty tensor inside another', `{"a":${entry(0, 3)},"b":${entry(1, 1)}}`, 3, 'tensor "b" is 1, expected 3'],
    ['null', '{"a":null}', 0, 'tensor "a" is null, expected an object'],
    ['a list', '{"a":[]}', 0, 'tensor "a" is [], expected an object'],
    ['a text', '{"a":"F32"}', 0, 'tensor "a" is "F32", expected an object'],
    ['null as __proto__', '{"__proto__":null}', 0, 'tensor "__proto__" is null, expected an object'],
    ['a name twice', `{"a":${entry(0, 2)},"a":${entry(0, 2)}}`, 2, 'a key twice: a'],
    ['a name twice, spelled twice', `{"a":${entry(0, 2)},"\\u0061":${entry(0, 2)}}`, 2, 'a key twice: a'],
    ['a field twice', '{"a":{"dtype":"U8","dtype":"I8"}}', 0, 'a key twice: dtype'],
    [
      'metadata that are no texts',
      '{"__metadata__":{"step":1}}',
      0,
      '__metadata__ is {"step":1}, expected an object of',
    ],
    ['metadata that are a list', '{"__metadata__":[]}', 0, '__metadata__ is [], expected an object of texts'],
    ['a header nested deep', '['.repeat(1e6) + ']'.repeat(1e6), 0, 'nested too deep'],
    ['an empty header', '', 0, 'expected JSON'],
  ])('refuses %s', (_, header, length, message) => {
    const read = () => decodeSafetensors(fileOf(header, length), 'x.safetensors');
    expect(read).toThrow(/^x\.safetensors: .*use another copy\.$/);
    expect(read).toThrow(message);
  });

  it('refuses a header that is no UTF-8, and shows names without their control characters', () => {
    const header = Buffer.from(`{"\u00ff":${entry(0, 1)}}`, 'latin1');
    const bytes = Buffer.concat([Buffer.alloc(8), header, Buffer.alloc(1)]);
    bytes.writeBigUInt64LE(BigInt(header.length));
    expect(() => decodeSafetensors(bytes)).toThrow('other bytes');
    expect(() => decodeSafetensors(fileOf('{"\\u001b[2J\\n":0}', 0))).toThrow('tensor "\\u001b[2J\\u000a" is 0');
  });

  it('knows __proto__ and constructor as names like any other', () => {
    const tensors = Object.fromEntries([['__proto__', sample.bytes!] as const, ['constructor', sample.ids!] as const]);
    const read = decodeSafetensors(encode(tensors, Object.fromEntries([['__proto__', 'text']])));
    expect(Object.keys(read.tensors).sort()).toEqual(['__proto__', 'constructor']);
    expect(Object.entries(read.metadata)).toEqual([['__proto__', 'text']]);
    expect(takeTensor('restore', read.tensors, '__proto__', 'U8', [3])).toEqual(sample.bytes!.data);
    expect(() => takeTensor('restore', sample, 'constructor', 'U8', [])).toThrow('missing');
    expect(Object.getPrototypeOf(read.tensors)).toBe(Object.prototype);
    const joined = joinStates({ a: { values: {}, tensors } });
    expect(Object.keys(partState(joined, 'a')!.tensors)).toEqual(Object.keys(tensors));
    expect(partState(joined, 'constructor')).toBeUndefined();
  });

  it('refuses to write a tensor under the name of the metadata', () => {
    expect(() => encode({ __metadata__: sample.bytes! })).toThrow('is "__metadata__", expected another one');
  });

  it('refuses to write a tensor whose shape does not fit', () => {
    expect(() => encode({ a: { dtype: 'U8', shape: [2], data: new Uint8Array(3) } })).toThrow(
      'length of tensor "a" is 3',
    );
  });

  it('takes a tensor only in the asked dtype and shape', () => {
    expect(takeTensor('restore', sample, 'weights', 'F32', [null, 2])).toBe(sample.weights!.data);
    expect(() => takeTensor('restore', sample, 'weights', 'F32', [3, 2])).toThrow('is "F32 [2,2]", expected F32 [3,2]');
    expect(() => takeTensor('restore', sample, 'other', 'F32', [])).toThrow('missing');
  });
});

describe('joined states', () => {
  it('come apart as they went in', () => {
    const a: State = { values: { step: 3 }, tensors: { x: sample.weights! } };
    const b: State = { values: {}, tensors: {} };
    const joined = joinStates({ a, b });
    expect(Object.keys(joined.tensors)).toEqual(['a/x']);
    expect(partState(joined, 'a')).toEqual(a);
    expect(partState(joined, 'b')).toEqual(b);
    expect(partState(joined, 'c')).toBeUndefined();
  });
});
