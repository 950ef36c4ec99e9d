import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeSafetensors, Random, type Safetensors, type State, type TensorData } from '@protomem/core';
import { readSafetensors } from '@protomem/core/node';
import { leaked } from '@protomem/engine/testing';
import * as tf from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { referenceValues } from '../fixtures/reference-cases.ts';
import { createEncoder, type EncoderName, encoders } from './create-encoder.ts';
import { loadEncoder, saveEncoder } from './encoder-files.ts';
import { decodeEncoder, encoderState, restoreEncoder } from './encoder-state.ts';

const small = { inputSize: [20, 18], width: 0.125, embeddingSize: 4, seed: 5 } as const;

/** What a file holds, without its checksums: they are right of nothing that is changed. */
async function unsealed(path: string): Promise<Safetensors> {
  const { tensors, metadata } = await readSafetensors(path);
  return { tensors, metadata };
}

/** Every bit of a state, comparable at once. */
const bytesOf = (state: State): string =>
  createHash('sha256')
    .update(Buffer.concat(encodeSafetensors({ tensors: state.tensors, metadata: {} })))
    .digest('hex');

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'protomem-encoder-'));
});
afterAll(() => rm(folder, { recursive: true }));

describe.each(Object.keys(encoders) as EncoderName[])('%s', (name) => {
  it('comes back from a file bit for bit, with its options and no tensor too many', async () => {
    const path = join(folder, `${name}.safetensors`);
    const before = tf.memory().numTensors;
    const encoder = encoders[name](small, referenceValues());
    await saveEncoder(encoder, path);
    for (const loaded of [await loadEncoder(path), decodeEncoder(await readFile(path))]) {
      expect(loaded.card).toEqual(encoder.card);
      expect(loaded.options).toEqual(encoder.options);
      expect(bytesOf(await encoderState(loaded))).toBe(bytesOf(await encoderState(encoder)));
      loaded.dispose();
    }
    encoder.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });
});

it('a file has the name of earlier releases, and is read by it and by the key, without a warning', async () => {
  const warn = vi.spyOn(console, 'warn');
  const encoder = createEncoder('mobile-face-net', small);
  const path = join(folder, 'named.safetensors');
  await saveEncoder(encoder, path);
  const { tensors, metadata } = await unsealed(path);
  expect([metadata.name, JSON.parse(metadata.card!).name]).toEqual(['mobilefacenet', 'mobilefacenet']);
  const renamed = { tensors, metadata: { ...metadata, name: 'mobile-face-net' } };
  await writeFile(join(folder, 'renamed.safetensors'), Buffer.concat(encodeSafetensors(renamed)));
  for (const name of ['named', 'renamed']) {
    const loaded = await loadEncoder(join(folder, `${name}.safetensors`));
    expect(bytesOf(await encoderState(loaded))).toBe(bytesOf(await encoderState(encoder)));
    loaded.dispose();
  }
  expect(warn).not.toHaveBeenCalled();
  warn.mockRestore();
  encoder.dispose();
});

describe('state', () => {
  it('is of the moment of the call, and owns its numbers', async () => {
    const encoder = createEncoder('mobile-face-net', small);
    const { variable } = encoder.parameters[0]!;
    const first = variable.dataSync()[0]!;
    const pending = encoderState(encoder);
    tf.tidy(() => variable.assign(tf.zerosLike(variable)));
    const state = await pending;
    expect(state.tensors['conv1.conv.weight']!.data[0]).toBe(first);
    restoreEncoder(encoder, state);
    state.tensors['conv1.conv.weight']!.data[0] = 99;
    expect(variable.dataSync()[0]).toBe(first);
    expect(leaked(() => restoreEncoder(encoder, state))).toBe(0);
    encoder.dispose();
  });

  it('of another encoder is refused and changes nothing', async () => {
    const encoder = createEncoder('mobile-face-net', small);
    const other = createEncoder('mobile-face-net', { ...small, embeddingSize: 5, seed: 6 });
    const before = await encoderState(encoder);
    const state = await encoderState(other);
    expect(() => restoreEncoder(encoder, state, 'x.ckpt')).toThrow(
      /x\.ckpt: tensor "linear1\.conv\.weight" is "F32 \[1,1,64,5\]"/,
    );
    expect(bytesOf(await encoderState(encoder))).toBe(bytesOf(before));
    encoder.dispose();
    other.dispose();
  });
});

describe('a bad file', () => {
  let good: Safetensors;
  let bytes: Uint8Array;
  beforeAll(async () => {
    const encoder = createEncoder('mobile-face-net', small);
    await saveEncoder(encoder, join(folder, 'good.safetensors'));
    encoder.dispose();
    bytes = new Uint8Array(await readFile(join(folder, 'good.safetensors')));
    good = await unsealed(join(folder, 'good.safetensors'));
  });
  const refused = async (content: Uint8Array | Safetensors): Promise<string> => {
    const path = join(folder, 'bad.safetensors');
    await writeFile(path, content instanceof Uint8Array ? content : Buffer.concat(encodeSafetensors(content)));
    const before = tf.memory().numTensors;
    const message = await loadEncoder(path).then(
      () => 'loaded',
      (error: Error) => error.message,
    );
    expect(tf.memory().numTensors).toBe(before);
    expect(message).toContain(path);
    return message;
  };
  const withTensors = (change: (tensors: Record<string, TensorData>) => void): Safetensors => {
    const tensors = { ...good.tensors };
    change(tensors);
    return { ...good, tensors };
  };

  it('is named with what is wrong in it', async () => {
    for (const length of [0, 7, 100, bytes.length >> 1, bytes.length - 1]) {
      expect(await refused(bytes.subarray(0, length))).toMatch(/cut short/);
    }
    expect(await refused({ ...good, metadata: {} })).toMatch(/metadata "format" is "missing"/);
    expect(await refused({ ...good, metadata: { ...good.metadata, version: '2' } })).toMatch(/"version" is "2"/);
    expect(await refused({ ...good, metadata: { ...good.metadata, name: 'mobilefacent' } })).toMatch(
      /Did you mean "mobile-face-net"/,
    );
    expect(await refused({ ...good, metadata: { ...good.metadata, options: '{' } })).toMatch(/metadata "options"/);
    expect(await refused(withTensors((tensors) => delete tensors['conv2.bn.bias']))).toMatch(
      /tensor "conv2\.bn\.bias" is "missing", expected F32 \[64\]/,
    );
    expect(
      await refused(
        withTensors((tensors) => {
          tensors['conv2.bn.bias'] = { dtype: 'F32', shape: [2], data: new Float32Array(2) };
        }),
      ),
    ).toMatch(/tensor "conv2\.bn\.bias" is "F32 \[2\]", expected F32 \[64\]/);
    expect(
      await refused(
        withTensors((tensors) => {
          tensors.more = { dtype: 'F32', shape: [1], data: new Float32Array(1) };
        }),
      ),
    ).toMatch(/tensor "more" is "of no parameter"/);
  });

  it('with a flipped bit anywhere is refused', async () => {
    const rng = new Random(12);
    const header = 8 + new DataView(bytes.buffer).getUint32(0, true);
    for (let i = 0; i < 60; i++) {
      const bad = bytes.slice();
      bad[rng.below(i % 2 ? header : bytes.length)]! ^= 1 << rng.below(8);
      expect(await refused(bad)).not.toBe('loaded');
    }
    const bad = bytes.slice();
    bad[bytes.length - 1]! ^= 1;
    expect(await refused(bad)).toMatch(/the checksum of tensor ".+" is "\w{8}", expected "\w{8}"/);
  });

  it('that does not exist is named too', async () => {
    await expect(loadEncoder(join(folder, 'none.safetensors'))).rejects.toThrow(/none\.safetensors/);
  });
});
