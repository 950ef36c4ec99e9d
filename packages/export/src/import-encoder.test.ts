import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { decodeSafetensors, encodeSafetensors, type Safetensors } from '@protomem/core';
import { damage, fuzz, fuzzTimeout } from '@protomem/core/testing';
import { writeDataset } from '@protomem/data';
import { type DefinedEncoder, loadEncoder, saveEncoder } from '@protomem/encoders';
import { loadEngine } from '@protomem/engine';
import { syntheticFaces } from '@protomem/synthetic';
import * as tf from '@tensorflow/tfjs';
import {
  AttributeProto_AttributeType,
  type GraphProto,
  ModelProtoSchema,
  NodeProtoSchema,
  TensorProto_DataType,
  TensorProtoSchema,
} from 'onnx-buf';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { livingEncoder } from '../fixtures/living-encoder.ts';
import { exportEncoder } from './export-encoder.ts';
import { type ImportOptions, importEncoder } from './import-encoder.ts';
import { matchOnnx } from './match-onnx.ts';
import { readTorchWeights } from './read-torch.ts';
import { torchTensors } from './torch-layout.ts';

const size = { inputSize: 32, embeddingSize: 16, width: 0.125 } as const;
const fixture = (name: string): string => fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url));
const convolutional = ['mobile-face-net', 'iresnet18', 'iresnet18-se', 'ghost-face-net-s2'] as const;
let dir: string;
let weights: Safetensors;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'protomem-import-'));
  await loadEngine({});
  for (const name of convolutional) {
    const encoder = livingEncoder(name, size);
    await saveEncoder(encoder, join(dir, name));
    encoder.dispose();
    for (const normalize of ['inside', 'outside'] as const) {
      const out = join(dir, `${name}-${normalize}.onnx`);
      await exportEncoder(join(dir, name), out, { to: 'onnx', normalize, images: 2 });
    }
  }
  await exportEncoder(join(dir, 'iresnet18'), join(dir, 'w.safetensors'), { to: 'safetensors', images: 2 });
  weights = decodeSafetensors(await readFile(join(dir, 'w.safetensors')));
});
afterAll(() => rm(dir, { recursive: true }));

let count = 0;
const fresh = (ending = ''): string => join(dir, `out-${count++}${ending}`);

async function brought(file: string, options: ImportOptions) {
  const out = fresh();
  const imported = await importEncoder(file, out, { ...size, ...options });
  return { ...imported, encoder: await loadEncoder(out) };
}

const images = () => tf.randomUniform<tf.Rank.R4>([4, 32, 32, 3], 0, 255, 'float32', 9);
const embedded = (encoder: DefinedEncoder): Float32Array =>
  tf.tidy(() => encoder.apply(images()).dataSync<'float32'>().slice());

async function expectSame(encoder: DefinedEncoder, original: string, digits = 3): Promise<void> {
  const other = await loadEncoder(join(dir, original));
  const [found, expected] = [embedded(encoder), embedded(other)];
  for (const [i, value] of expected.entries()) expect(found[i]).toBeCloseTo(value, digits);
  other.dispose();
}

async function changed(change: (tensors: Record<string, Safetensors['tensors'][string]>) => void): Promise<string> {
  const tensors = { ...weights.tensors };
  change(tensors);
  const file = fresh('.safetensors');
  await writeFile(file, Buffer.concat(encodeSafetensors({ tensors, metadata: {} })));
  return file;
}

describe('a state_dict', () => {
  it('comes back, also behind a prefix, with counters and a head beside it', async () => {
    const file = await changed((tensors) => {
      for (const [name, tensor] of Object.entries(tensors)) {
        delete tensors[name];
        tensors[`module.backbone.${name}`] = tensor;
      }
      tensors['module.backbone.bn1.num_batches_tracked'] = { dtype: 'I32', shape: [], data: Int32Array.of(7) };
      tensors['module.head.weight'] = { dtype: 'F32', shape: [1], data: Float32Array.of(1) };
    });
    const { encoder, notes } = await brought(file, { as: 'iresnet18' });
    await expectSame(encoder, 'iresnet18', 5);
    expect(notes).toEqual([
      'names: behind "module.backbone."',
      'left behind: 1 counters of batches, which norms here do not have',
      'left behind: 1 tensors that are not behind "module.backbone.", such as module.head.weight',
    ]);
    encoder.dispose();
  });

  it('takes other pixels into its first convolution', async () => {
    const { encoder, notes } = await brought(join(dir, 'w.safetensors'), { as: 'iresnet18', bgr: true, scale: 128 });
    const other = await loadEncoder(join(dir, 'iresnet18'));
    const expected = tf.tidy(() => {
      const theirs = tf.add(tf.mul(tf.sub(tf.reverse(images(), 3), 127.5), 127.5 / 128), 127.5);
      return other.apply(theirs as tf.Tensor4D).dataSync();
    });
    for (const [i, value] of embedded(encoder).entries()) expect(value).toBeCloseTo(expected[i]!, 3);
    expect(notes[0]).toContain('the order of colours and the scale (times 0.996094) went into conv1.weight');
    for (const one of [encoder, other]) one.dispose();
    await expect(brought(join(dir, 'w.safetensors'), { as: 'iresnet18', mean: 100 })).rejects.toThrow(
      'the mean of its',
    );
  });

  it.each<[string, (tensors: Record<string, Safetensors['tensors'][string]>) => void, string]>([
    ['missing', (tensors) => delete tensors['layer2.0.bn1.bias'], 'tensor layer2.0.bn1.bias is "missing"'],
    ['strange', (tensors) => (tensors.extra = tensors['bn1.bias']!), 'tensor extra is "of no parameter"'],
    [
      'misshapen',
      (tensors) => (tensors['conv1.weight'] = { dtype: 'F32', shape: [8, 3, 1, 1], data: new Float32Array(24) }),
      'tensor conv1.weight is "[8, 3, 1, 1]", expected [8, 3, 3, 3]',
    ],
    [
      'not finite',
      (tensors) => (tensors['bn1.bias'] = { dtype: 'F32', shape: [8], data: new Float32Array(8).fill(Number.NaN) }),
      'tensor bn1.bias is "not finite"',
    ],
  ])('is refused with its first tensor that is %s, and nothing is written', async (_, change, words) => {
    const file = await changed(change);
    await expect(importEncoder(file, join(dir, 'never'), { as: 'iresnet18', ...size })).rejects.toThrow(words);
    await expect(readFile(join(dir, 'never'))).rejects.toThrow('ENOENT');
  });
});

describe('a network of tokens', () => {
  it('comes back from a state_dict, without the token that only training there uses, and not from a graph', async () => {
    const made = livingEncoder('vit-tiny', size);
    await saveEncoder(made, join(dir, 'vit-tiny'));
    made.dispose();
    const file = fresh('.safetensors');
    await exportEncoder(join(dir, 'vit-tiny'), file, { to: 'safetensors', images: 2 });
    expect(decodeSafetensors(await readFile(file)).tensors.mask_token?.shape).toEqual([1, 1, 32]);
    const { encoder, notes } = await brought(file, { as: 'vit-tiny' });
    expect(notes).toEqual(['left behind: mask_token, which takes no part in embeddings']);
    await expectSame(encoder, 'vit-tiny', 5);
    encoder.dispose();
    await expect(brought(join(dir, 'iresnet18-inside.onnx'), { as: 'vit-tiny' })).rejects.toThrow(
      /as vit-tiny is "a network of tokens".*\.pth/,
    );
  });
});

describe('an ONNX file', () => {
  it.each(convolutional)('%s: comes back without its norms, and trains on', async (name) => {
    for (const normalize of ['inside', 'outside']) {
      const before = tf.memory().numTensors;
      const { encoder, agreement, notes } = await brought(join(dir, `${name}-${normalize}.onnx`), { as: name });
      expect(tf.memory().numTensors - before).toBe(encoder.parameters.length);
      await expectSame(encoder, name);
      expect(agreement!.lowest).toBeGreaterThan(0.9999);
      expect(notes.join()).toContain('were folded into weights');
      const loss = () =>
        tf.mean(tf.mul(encoder.apply(images(), { training: true }), tf.randomNormal([4, 16], 0, 1, 'float32', 1)));
      const variables = encoder.parameters.filter((one) => one.trainable).map((one) => one.variable);
      const [first, second] = [0, 1].map(() => {
        const value = tf.train.sgd(0.05).minimize(loss as () => tf.Scalar, true, variables)!;
        return value.dataSync()[0]!;
      });
      expect(second).toBeLessThan(first!);
      encoder.dispose();
    }
  });

  const node = (parts: MessageInitShape<typeof NodeProtoSchema>) => create(NodeProtoSchema, parts);
  it.each<[string, (graph: GraphProto) => void]>([
    [
      'flattens by its own shape',
      ({ node: nodes, initializer }) => {
        const at = nodes.findIndex(({ opType }) => opType === 'Flatten');
        const { input, output } = nodes[at]!;
        const wholes = (name: string, dims: bigint[], value: bigint) =>
          create(TensorProtoSchema, { name, dims, dataType: TensorProto_DataType.INT64, int64Data: [value] });
        initializer.push(wholes('first', [], 0n), wholes('rest', [1n], -1n));
        const axes = { name: 'axes', type: AttributeProto_AttributeType.INTS, ints: [0n] };
        const axis = { name: 'axis', type: AttributeProto_AttributeType.INT, i: 0n };
        const chain = [
          { opType: 'Shape', input, output: ['sides'] },
          { opType: 'Gather', input: ['sides', 'first'], output: ['count'] },
          { opType: 'Unsqueeze', input: ['count'], output: ['counts'], attribute: [axes] },
          { opType: 'Concat', input: ['counts', 'rest'], output: ['flat'], attribute: [axis] },
          { opType: 'Reshape', input: [input[0]!, 'flat'], output },
        ];
        nodes.splice(at, 1, ...chain.map(node));
      },
    ],
    [
      'hands blocks on through nodes that do nothing',
      ({ node: nodes }) => {
        for (let at = nodes.length - 1; at >= 0; at--) {
          const [sum] = nodes[at]!.opType === 'Add' ? nodes[at]!.output : [];
          if (!sum) continue;
          for (const { input } of nodes)
            for (const [i, name] of input.entries()) if (name === sum) input[i] = `${sum}.same`;
          nodes.splice(at + 1, 0, node({ opType: 'Identity', input: [sum], output: [`${sum}.same`] }));
        }
      },
    ],
    [
      'keeps halves as whole numbers',
      (graph) => {
        graph.initializer = graph.initializer.map(({ name, dims, dataType, rawData }) => {
          if (dataType !== TensorProto_DataType.FLOAT16)
            return create(TensorProtoSchema, { name, dims, dataType, rawData });
          const int32Data = [...new Uint16Array(new Uint8Array(rawData).buffer)];
          return create(TensorProtoSchema, { name, dims, dataType, int32Data });
        });
      },
    ],
  ])('comes back where it %s', async (_, edit) => {
    const file = fresh('.onnx');
    const options = { to: 'onnx', precision: 'float16', images: 2 } as const;
    await exportEncoder(join(dir, 'iresnet18'), file, options);
    const model = fromBinary(ModelProtoSchema, await readFile(file));
    edit(model.graph!);
    await writeFile(file, toBinary(ModelProtoSchema, model));
    const { encoder, agreement } = await brought(file, { as: 'iresnet18' });
    expect(agreement!.lowest).toBeGreaterThan(0.9999);
    encoder.dispose();
  });

  it('is known by its ending in capitals, and leaves no tensor where its norms cannot be made anew', async () => {
    const file = join(dir, 'CAPITALS.ONNX');
    await writeFile(file, await readFile(join(dir, 'iresnet18-inside.onnx')));
    const before = tf.memory().numTensors;
    // One image has no variance.
    const faces = join(dir, 'one-face');
    await writeDataset(syntheticFaces({ identities: 1, imagesPerIdentity: 1, seed: 1 }), faces, { format: 'folder' });
    await expect(brought(file, { as: 'iresnet18', faces })).rejects.toThrow('refitNorms: number of images is 1');
    expect(tf.memory().numTensors).toBe(before);
  });

  it('is refused at the first node that does not fit', async () => {
    const file = join(dir, 'iresnet18-inside.onnx');
    await expect(brought(file, { as: 'iresnet34' })).rejects.toThrow('Conv that can be the layer layer1.2.conv1');
    await expect(brought(file, { as: 'iresnet18', width: 0.25 })).rejects.toThrow('Conv that can be the layer conv1');
    await expect(brought(file, { as: 'iresnet18', mean: 90, scale: 1 })).rejects.toThrow('the mean of its pixels');
    for (const [options, got] of [
      [{ precision: 'int8', calibration: 2 }, 'quantized to 8 bits'],
      [{ flip: true }, 'one that adds the mirror image'],
    ] as const) {
      const out = fresh('.onnx');
      await exportEncoder(join(dir, 'iresnet18'), out, { to: 'onnx', images: 2, ...options });
      await expect(brought(out, { as: 'iresnet18' })).rejects.toThrow(`the ONNX graph is "${got}"`);
    }
  });

  it('is refused by name where it is damaged', fuzzTimeout, async () => {
    const bytes = await readFile(join(dir, 'iresnet18-outside.onnx'));
    const encoder = await loadEncoder(join(dir, 'iresnet18'));
    const { layers, parameters } = encoder;
    const shapes = torchTensors(
      layers,
      parameters.map(({ name, variable }) => ({ name, shape: variable.shape })),
    );
    encoder.dispose();
    const network = { name: 'iresnet18', layers, weights: shapes };
    await fuzz('ONNX, matched', (random) => void matchOnnx('a.onnx', damage(bytes, random), 'data', network), {
      share: 0.1,
    });
  });
});

it('is a file, and goes to a folder that is there', async () => {
  const missing = join(dir, 'nowhere', 'out');
  const [from, options] = [join(dir, 'w.safetensors'), { ...size, as: 'iresnet18' }] as const;
  await expect(importEncoder(from, missing, options)).rejects.toThrow(/import: .*nowhere is "no folder"/);
  await expect(importEncoder(dir, fresh(), options)).rejects.toThrow('is "a folder", expected a file: .safetensors');
});

it('is made on the engine that the caller has chosen, which stays so', async () => {
  await loadEngine({ prefer: 'cpu' });
  const { encoder } = await brought(join(dir, 'w.safetensors'), { as: 'iresnet18' });
  expect(tf.getBackend()).toBe('cpu');
  encoder.dispose();
  await loadEngine({});
});

describe('a file of torch.save', () => {
  it('is read, and a view in its own order', async () => {
    const found = await readTorchWeights(fixture('tiny.pth'));
    const numbers = (name: string) => [...found.get(`state_dict.module.a.${name}`)!.values()];
    expect([...found.keys()]).toHaveLength(5);
    expect(found.get('state_dict.module.a.weight')!.shape).toEqual([2, 3, 2, 2]);
    expect(numbers('weight')).toEqual(Array.from({ length: 24 }, (_, i) => i));
    expect(numbers('half')).toEqual([0.5, -2]);
    expect(numbers('brain')).toEqual([1.5, -3]);
    expect(numbers('turned')).toEqual([0, 3, 1, 4, 2, 5]);
    expect(() => numbers('num_batches_tracked')).toThrow('of LongStorage');
  });

  it('is not run: a module is refused', async () => {
    await expect(readTorchWeights(fixture('module.pth'))).rejects.toThrow(/module\.pth: data\.pkl: offset \d+ is/);
    await expect(readTorchWeights(fixture('living-encoder.ts'))).rejects.toThrow('a zip that torch.save');
  });

  it('is refused where its directory is said to lie beyond the end of the world', async () => {
    // A zip64 locator that names 2^58, before an end of the directory that defers to it.
    const bytes = Buffer.alloc(20 + 22, 0);
    bytes.writeUInt32LE(0x07064b50, 0);
    bytes.writeBigUInt64LE(2n ** 58n, 8);
    bytes.writeUInt32LE(0x06054b50, 20);
    bytes.fill(0xff, 24, 40);
    const file = join(dir, 'beyond.pth');
    await writeFile(file, bytes);
    await expect(readTorchWeights(file)).rejects.toThrow(/a zip that torch\.save/);
  });

  it('is refused by name where it is damaged', fuzzTimeout, async () => {
    const bytes = await readFile(fixture('tiny.pth'));
    const file = join(dir, 'damaged.pth');
    await fuzz(
      'file of torch.save',
      async (random) => {
        await writeFile(file, damage(bytes, random));
        for (const [name, tensor] of await readTorchWeights(file)) if (!name.endsWith('tracked')) tensor.values();
      },
      { share: 0.1 },
    );
  });
});
