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
