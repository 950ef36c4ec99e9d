import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fromBinary } from '@bufbuild/protobuf';
import { option } from '@protomem/core';
import { convolution, defineEncoder, encoders, norm, saveEncoder } from '@protomem/encoders';
import { engineInUse, loadEngine } from '@protomem/engine';
import * as tf from '@tensorflow/tfjs';
import { type GraphProto, ModelProtoSchema, TensorProto_DataType } from 'onnx-buf';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { livingEncoder } from '../fixtures/living-encoder.ts';
import { encodeModel } from './encode-model.ts';
import { type ExportOptions, exportEncoder } from './export-encoder.ts';

const families = ['mobile-face-net', 'iresnet18', 'iresnet18-se', 'ghost-face-net-s2', 'vit-tiny'] as const;
let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'protomem-export-'));
  // Norms see images on the fastest engine.
  await loadEngine({});
  for (const name of families) {
    const encoder = livingEncoder(name, { inputSize: 32, embeddingSize: 16, width: 0.125 });
    await saveEncoder(encoder, join(dir, name));
    encoder.dispose();
  }
  await loadEngine({ prefer: 'wasm' });
});
afterAll(() => rm(dir, { recursive: true }));

let count = 0;
const endings = { onnx: '.onnx', tfjs: '', safetensors: '.safetensors' };
const exported = (name: string, options: ExportOptions) =>
  exportEncoder(join(dir, name), join(dir, `out-${count++}${endings[options.to]}`), { images: 5, ...options });

describe.each(families)('%s, on the wasm engine', (name) => {
  it.each<[string, ExportOptions]>([
    ['ONNX', { to: 'onnx' }],
    ['ONNX, pixels outside', { to: 'onnx', normalize: 'outside' }],
    ['ONNX, flip, half', { to: 'onnx', flip: true, precision: 'float16', opset: 18 }],
    ['ONNX, half, pixels outside', { to: 'onnx', precision: 'float16', normalize: 'outside', opset: 9 }],
    ['ONNX, 8 bits', { to: 'onnx', precision: 'int8', calibration: 32 }],
    [
      'ONNX, 8 bits, flip, pixels outside',
      { to: 'onnx', precision: 'int8', calibration: 32, flip: true, normalize: 'outside', opset: 17 },
    ],
    ['tfjs, flip', { to: 'tfjs', flip: true, normalize: 'outside' }],
    ['tfjs, half', { to: 'tfjs', precision: 'float16' }],
    ['PyTorch', { to: 'safetensors' }],
    ['PyTorch, half', { to: 'safetensors', precision: 'float16' }],
  ])('%s gives the same embeddings, and leaves no tensor', async (_, options) => {
    const before = tf.memory().numTensors;
    const { agreement, card, model } = await exported(name, { licence: 'MIT', ...options });
    expect(agreement.lowest).toBeGreaterThan(
      { int8: 0.9, float16: 0.999, float32: 0.99999 }[options.precision ?? 'float32'],
    );
    expect(agreement.images).toBe(5);
    expect([tf.memory().numTensors, tf.getBackend()]).toEqual([before, 'wasm']);
    expect(await readFile(card, 'utf8')).toContain('license: "MIT"');
    expect((await readdir(dir)).filter((one) => one.startsWith('.'))).toEqual([]);
    const calibrated = '| calibrated on | up to 32 synthetic faces |';
    expect((await readFile(card, 'utf8')).includes(calibrated)).toBe(options.precision === 'int8');
    if (options.to === 'onnx') {
      const { graph } = fromBinary(ModelProtoSchema, await readFile(model));
      // By these names InsightFace's loader knows a model that takes bytes.
      const first = graph!.node.slice(0, 8).map((node) => /^(Sub|Mul|_minus|_mul)/.exec(node.name)?.[1]);
      const inside = options.normalize !== 'outside';
      expect(first.filter(Boolean)).toEqual(inside ? ['Sub', 'Mul'] : []);
      const [input] = graph!.input;
      const { value } = input!.type!.value as never as { value: { shape: { dim: { value: { value: unknown } }[] } } };
      expect(value.shape.dim.map((one) => one.value.value)).toEqual(['batch', 3n, 32n, 32n]);
      if (options.precision === 'int8') expectWholeNumbers(graph!);
      // Attention is nothing without.
      if (name !== 'vit-tiny') expect(graph!.node.filter(({ opType }) => opType === 'Transpose')).toEqual([]);
    }
  });
});

/** Convolutions get and give numbers of 8 bits, or of 32 for a bias, and no weight of a product is kept in more. */
function expectWholeNumbers(graph: GraphProto): void {
  const types = new Map(graph.initializer.map(({ name, dataType }) => [name, dataType]));
  const makers = new Map(graph.node.map((node) => [node.output[0]!, node]));
  const typeOf = (name: string) => {
    const maker = makers.get(name);
    if (maker?.opType !== 'DequantizeLinear') return undefined;
    return types.get(maker.input[0]!) ?? makers.get(maker.input[0]!)!.opType;
  };
  const { INT8, INT32 } = TensorProto_DataType;
  const products = graph.node.filter(({ opType }) => ['Conv', 'Gemm'].includes(opType));
  expect(products.length).toBeGreaterThan(0);
  for (const { input, output } of products) {
    expect(input.map(typeOf)).toEqual(['QuantizeLinear', INT8, INT32].slice(0, input.length));
    expect(graph.node.filter((one) => one.input.includes(output[0]!)).map(({ opType }) => opType)).toEqual([
      'QuantizeLinear',
    ]);
  }
  const constants = graph.node.filter(({ opType, input }) => opType === 'MatMul' && typeOf(input[1]!) === INT8);
  expect(graph.node.filter(({ opType, input }) => opType === 'MatMul' && types.has(input[1]!))).toEqual([]);
  expect(products.length + constants.length).toBeGreaterThan(4);
}

describe('a family of your own', () => {
  // Layers where none of ours has them: of every place of maps, and maps laid flat.
  const mine = defineEncoder({
    name: 'mine',
    embeddingSize: 8,
    normalization: { mean: 120, std: 60 },
    source: 'ours',
    options: { hidden: option.integer({ help: 'Channels inside.', min: 1, default: 12 }) },
    layers: ({ inputSize: [height, width], embeddingSize, hidden }) => [
      convolution('conv', 3, 8, { kernel: 3, stride: 2, std: 0.3 }),
      norm('bn', 8),
      { kind: 'activation', of: 'relu6' },
      { kind: 'linear', name: 'mix', inputs: 8, outputs: hidden, std: 0.3, bias: true },
      { kind: 'flatten', features: (height / 2) * (width / 2) * hidden },
      { kind: 'linear', name: 'fc', inputs: (height / 2) * (width / 2) * hidden, outputs: embeddingSize, std: 0.1 },
    ],
  });
  const registry = { ...encoders, mine };

  it.each<ExportOptions>([
    { to: 'onnx', opset: 9 },
    { to: 'onnx', opset: 22, normalize: 'outside' },
    { to: 'tfjs' },
    { to: 'safetensors' },
  ])('leaves by its registry: %j', async (options) => {
    const encoder = mine({ inputSize: [32, 16], hidden: 5, seed: 4 });
    await saveEncoder(encoder, join(dir, 'mine'));
    encoder.dispose();
    const out = join(dir, `mine-${count++}${endings[options.to]}`);
    const { agreement } = await exportEncoder(join(dir, 'mine'), out, { images: 3, ...options }, registry);
    expect(agreement.lowest).toBeGreaterThan(0.99999);
    await expect(exportEncoder(join(dir, 'mine'), `${out}2${endings[options.to]}`, options)).rejects.toThrow(
      'metadata "name" is "mine"',
    );
  });
});

it('compares in float32 on an engine in bfloat16, which stays so', async ({ skip }) => {
  const narrow = { prefer: 'node', precision: 'bfloat16' } as const;
  if (!(await loadEngine(narrow).catch(() => undefined))) skip('needs the engine node, and a processor with bfloat16');
  const { agreement } = await exported('ghost-face-net-s2', { to: 'onnx' });
  expect(agreement.lowest).toBeGreaterThan(0.99999);
  expect(await engineInUse()).toMatchObject({ engine: 'node', precision: 'bfloat16' });
  await loadEngine({ prefer: 'node' });
  await loadEngine({ prefer: 'wasm' });
});

describe('8 bits', () => {
  it('hold a bias beside weights that are next to nothing', async () => {
    const encoder = livingEncoder('iresnet18', { inputSize: 32, embeddingSize: 16, width: 0.125 });
    const assign = (name: string, first: number): void => {
      const { variable } = encoder.parameters.find((one) => one.name === name)!;
      const values = variable.dataSync<'float32'>().slice();
      values[0] = first;
      tf.tidy(() => variable.assign(tf.tensor(values, variable.shape)));
    };
    // The first norm is folded into the first convolution, of whose channels the first one has died.
    assign('bn1.weight', 1e-9);
    assign('bn1.bias', 2);
    const faces = (async function* () {
      yield tf.randomUniform<tf.Rank.R4>([2, 32, 32, 3], 0, 255, 'float32', 1);
    })();
    const files = await encodeModel(encoder, { to: 'onnx', precision: 'int8' }, encoders, faces);
    const { graph } = fromBinary(ModelProtoSchema, Object.values(files)[0]!);
    const raw = (name: string) => graph!.initializer.find((one) => one.name === name)!.rawData.slice().buffer;
    const [whole] = new Int32Array(raw('conv1.bias'));
    const [step] = new Float32Array(raw('conv1.bias.scale'));
    expect(whole! * step!).toBeCloseTo(2, 3);
    encoder.dispose();
  });
});

describe('what is refused', () => {
  it.each<[ExportOptions, string]>([
    [{ to: 'tfjs', opset: 12 }, 'opset is 12, expected nothing'],
    [{ to: 'onnx', calibration: 32 }, 'calibration is 32, expected nothing: float32 is not calibrated'],
    [{ to: 'safetensors', flip: true }, 'flip is true, expected nothing'],
    [{ to: 'onnx', opset: 8 }, 'opset is 8, expected an integer in [9, 22]'],
    [{ to: 'onnx', precision: 'int4' as never }, 'precision is "int4"'],
    [
      { to: 'tfjs', precision: 'int8' },
      'precision is "int8", expected float32 or float16 for tfjs: 8 bits are for ONNX',
    ],
    [{ to: 'onnx', precision: 'int8', opset: 12 }, 'opset is 12, expected 13 or more for int8'],
  ])('%j', async (options, words) => {
    await expect(exported('iresnet18', options)).rejects.toThrow(words);
  });

  it('calibrates in memory on the faces that are given, and no other precision', async () => {
    const encoder = livingEncoder('iresnet18', { inputSize: 32, embeddingSize: 16, width: 0.125 });
    const options = { to: 'onnx', precision: 'int8' } as const;
    await expect(encodeModel(encoder, options)).rejects.toThrow('encodeModel: faces is "missing"');
    const none = (async function* () {})();
    await expect(encodeModel(encoder, { to: 'onnx' }, encoders, none)).rejects.toThrow(
      'faces is "given", expected nothing: float32 is not calibrated',
    );
    encoder.dispose();
  });

  it('overwrites nothing, and names what it wants', async () => {
    const { model } = await exported('iresnet18', { to: 'onnx' });
    const bytes = await readFile(model);
    await expect(exportEncoder(join(dir, 'iresnet18'), model, { to: 'onnx' })).rejects.toThrow('there already');
    expect((await readFile(model)).equals(bytes)).toBe(true);
    await expect(exportEncoder(join(dir, 'iresnet18'), join(dir, 'a'), { to: 'onnx' })).rejects.toThrow(
      'ends in .onnx',
    );
  });

  it('leaves nothing where the written model disagrees', async () => {
    const encoder = livingEncoder('iresnet18', { inputSize: 32, embeddingSize: 16, width: 0.125 });
    // Beyond what 16 bits hold.
    const scale = encoder.parameters.find((one) => one.name === 'layer1.0.bn1.weight')!.variable;
    tf.tidy(() => scale.assign(tf.mul(scale, 1e6)));
    await saveEncoder(encoder, join(dir, 'large'));
    encoder.dispose();
    const before = await readdir(dir);
    await expect(exported('large', { to: 'onnx', precision: 'float16' })).rejects.toThrow(
      /(an embedding in float16 is "not finite|the lowest cosine between the written model and the encoder is).*--precision float32/,
    );
    expect(await readdir(dir)).toEqual(before);
  });
});
