import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { flattening, floatBytes, type OnnxFile, onnxFile, type Weight } from '../../fixtures/onnx-file.ts';
import type { ModelOptions } from './model-options.ts';
import { elementTypes, onnxMessage, readOnnxGraph } from './onnx-graph.ts';
import { openModel } from './open-model.ts';

const [HEIGHT, WIDTH] = [2, 4];
const EACH = 3 * HEIGHT * WIDTH;
let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'protomem-onnx-'));
});
afterAll(() => rm(dir, { recursive: true }));

let files = 0;
async function write(bytes: Uint8Array, folder = dir): Promise<string> {
  const file = join(folder, `model-${files++}.onnx`);
  await writeFile(file, bytes);
  return file;
}

const pixels = Uint8Array.from({ length: 5 * EACH }, (_, i) => (37 * i) % 256);
const planarInput = ['n', 3, HEIGHT, WIDTH] as const;

/** What a planar model that returns its input is given of image `image` at `[channel, y, x]`, as a flat place. */
const at = (image: number, channel: number, place: number): number =>
  pixels[(image * HEIGHT * WIDTH + place) * 3 + channel]!;

/** Opens, embeds, closes. */
async function embed(bytes: Uint8Array, options: ModelOptions = {}, count = 5, folder = dir) {
  const model = await openModel(await write(bytes, folder), options);
  try {
    const values = await model.embed(pixels.subarray(0, count * EACH), count, false);
    return { values, notes: model.notes, warnings: model.warnings(), width: model.embeddingSize };
  } finally {
    await model.dispose();
  }
}

/** Every value is `(pixel - mean) / scale` of its channel. */
function expectPixels(
  { values }: { readonly values: Float32Array },
  of: (pixel: number, channel: number) => number,
  { bgr = false, count = 5, digits = 4 } = {},
): void {
  expect(values).toHaveLength(count * EACH);
  for (const [i, value] of values.entries()) {
    const [image, channel, place] = [
      Math.floor(i / EACH),
      Math.floor((i % EACH) / HEIGHT / WIDTH),
      i % (HEIGHT * WIDTH),
    ];
    expect(value).toBeCloseTo(of(at(image, bgr ? 2 - channel : channel, place), channel), digits);
  }
}

describe('ONNX models: pixels', () => {
  const half = 1 / 127.5;
  it.each([
    ['nothing inside', [], "InsightFace's, since the model normalises nothing", (x: number) => (x - 127.5) / 127.5],
    [
      'Sub, Mul',
      [
        ['Sub', [127.5]],
        ['Mul', [half]],
      ],
      '(pixel - 0) / 1: the model normalises them itself (Sub 127.5, Mul',
      (x: number) => (x - 127.5) * half,
    ],
    [
      'Sub, Div',
      [
        ['Sub', [127.5]],
        ['Div', [128]],
      ],
      '(Sub 127.5, Div 128)',
      (x: number) => (x - 127.5) / 128,
    ],
    [
      'Mul, Add',
      [
        ['Mul', [half]],
        ['Add', [-1]],
      ],
      '(pixel - 0) / 1',
      (x: number) => x * half - 1,
    ],
    [
      'a mean alone',
      [['Sub', [93.59, 104.76, 129.18]]],
      '(pixel - 0) / 1',
      (x: number, c: number) => x - [93.59, 104.76, 129.18][c]!,
    ],
    ['a scale alone', [['Div', [255]]], '(pixel - 0) / 1', (x: number) => x / 255],
    [
      'ImageNet, of 0 to 1',
      [
        ['Sub', [0.485, 0.456, 0.406]],
        ['Div', [0.229, 0.224, 0.225]],
      ],
      '(pixel - 0) / 255',
      (x: number, c: number) => (x / 255 - [0.485, 0.456, 0.406][c]!) / [0.229, 0.224, 0.225][c]!,
    ],
    [
      'constant less pixels',
      [
        ['Sub', [127.5], true],
        ['Mul', [-half]],
      ],
      '(pixel - 0) / 1',
      (x: number) => (x - 127.5) * half,
    ],
    [
      'back to bytes, of -1 to 1',
      [
        ['Mul', [127.5]],
        ['Add', [127.5]],
      ],
      '(pixel - 127.5) / 127.5',
      (x: number) => x,
    ],
  ] as const)('finds what the graph does to them: %s', async (_, steps, note, of) => {
    const result = await embed(flattening(planarInput, steps));
    expect(result.notes[0]).toContain(note);
    expectPixels(result, of);
  });

  it('takes a subtraction and a product among the first nodes for normalisation where constants cannot be read', async () => {
    const dims = [3, HEIGHT, WIDTH];
    const weights: Weight[] = [
      { name: 'm', dims, values: Array.from({ length: EACH }, () => 100) },
      { name: 's', dims, values: Array.from({ length: EACH }, () => 0.01) },
    ];
    const nodes = [
      { opType: 'Sub', input: ['x', 'm'], output: ['a'] },
      { opType: 'Mul', input: ['a', 's'], output: ['b'] },
      { opType: 'Flatten', input: ['b'], output: ['y'] },
    ];
    const model: OnnxFile = { nodes, weights, input: [...planarInput], outputs: { y: ['n', 'd'] } };
    const result = await embed(onnxFile(model));
    expect(result.notes[0]).toContain('(Sub, Mul among its first nodes)');
    expectPixels(result, (x) => (x - 100) * 0.01);
  });

  it('reads halves that are kept as whole numbers', () => {
    const encode = (type: string, value: object) => onnxMessage(type).encode(value).finish();
    const half = { name: 'c', dims: [2], dataType: elementTypes.float16, int32Data: [0x3c00, 0xc000] };
    const node = [{ opType: 'Add', input: ['x', 'c'], output: ['y'] }];
    const graph = { name: 'g', node, initializer: [encode('Tensor', half)] };
    expect(readOnnxGraph('a.onnx', encode('Model', { graph })).constant('c', 3)).toEqual([1, -2]);
  });

  it('leaves what comes after a layer alone, and does as it is asked in any case', async () => {
    const late = onnxFile({
      nodes: [
        { opType: 'Flatten', input: ['x'], output: ['f'] },
        { opType: 'MatMul', input: ['f', 'W'], output: ['a'] },
        { opType: 'Sub', input: ['a', 'm'], output: ['b'] },
        { opType: 'Mul', input: ['b', 'm'], output: ['y'] },
      ],
      weights: [
        { name: 'W', dims: [EACH, 2], values: Array.from({ length: 2 * EACH }, (_, i) => (i % 5) / 5) },
        { name: 'm', dims: [], values: [0.5] },
      ],
      input: [...planarInput],
      outputs: { y: ['n', 2] },
    });
    expect((await embed(late)).notes[0]).toContain('normalises nothing');
    const inside = flattening(planarInput, [
      ['Sub', [127.5]],
      ['Mul', [half]],
    ]);
    const asked = await embed(inside, { mean: 10, scale: [1, 2, 4] });
    expect(asked.notes[0]).toContain('(pixel - 10) / (1, 2, 4): the model normalises them itself');
    expectPixels(asked, (x, c) => ((x - 10) / 2 ** c - 127.5) * half);
    const own = await embed(flattening(planarInput), { mean: [1, 2, 3], bgr: true });
    expect(own.notes[0]).toContain('pixels: BGR, (pixel - (1, 2, 3)) / 127.5: as asked for');
    expectPixels(own, (x, c) => (x - c - 1) / 127.5, { bgr: true });
  });
});

describe('ONNX models: what they take and give', () => {
  it.each(['float16', 'uint8', 'double'] as const)('casts pixels to %s', async (type) => {
    const steps = type === 'uint8' ? [] : ([['Mul', [1]]] as const);
    const result = await embed(
      flattening(planarInput, steps, { type }),
      type === 'uint8' ? {} : { mean: 0, scale: 255 },
    );
    expect(result.notes.join()).toContain(type === 'double' ? 'float64' : type);
    expectPixels(result, (x) => (type === 'uint8' ? x : x / 255), { digits: type === 'float16' ? 2 : 4 });
  });

  it('gives fixed batches what they take, and dynamic sizes what they are asked for', async () => {
    for (const batch of [1, 2, 4, 7]) {
      const result = await embed(flattening([batch, 3, HEIGHT, WIDTH]));
      expectPixels(result, (x) => (x - 127.5) / 127.5);
      expect(result.notes.length).toBe(batch === 1 ? 1 : 2);
    }
    const square = await write(flattening(['n', 3, 'h', 'w']));
    await expect(openModel(square)).rejects.toThrow(
      'not in the model", expected a side in pixels. Name it with --input-size',
    );
    const model = await openModel(square, { inputSize: 2 });
    expect(model.inputSize).toEqual([2, 2]);
    await model.dispose();
    await expect(embed(flattening([2 ** 30, 3, HEIGHT, WIDTH]))).rejects.toThrow(
      '1073741824 images of 2 x 4 at a time',
    );
    await expect(embed(flattening([1, 3, 2 ** 20, WIDTH]))).rejects.toThrow('1048576 pixels');
    const fixed = await write(flattening(planarInput));
    await expect(openModel(fixed, { inputSize: 112 })).rejects.toThrow(
      'inputSize is 112, expected 2, which the model takes',
    );
  });

  it('loads weights that lie in files beside the model', async () => {
    const folder = join(dir, 'external');
    await mkdir(folder);
    const values = Array.from({ length: EACH * 2 }, (_, i) => Math.sin(i));
    const of = (external: Weight['external']) =>
      onnxFile({
        nodes: [
          { opType: 'Flatten', input: ['x'], output: ['f'] },
          { opType: 'MatMul', input: ['f', 'W'], output: ['y'] },
        ],
        weights: [{ name: 'W', dims: [EACH, 2], values, ...(external ? { external } : {}) }],
        input: [...planarInput],
        outputs: { y: ['n', 2] },
      });
    const length = 4 * values.length;
    await writeFile(join(folder, 'weights.data'), Buffer.concat([Buffer.alloc(16), floatBytes(values)]));
    const inside = await embed(of(undefined));
    const outside = await embed(of({ location: 'weights.data', offset: 16, length }), {}, 5, folder);
    expect(outside.values).toEqual(inside.values);
    const refused = (external: Weight['external']) => expect(embed(of(external), {}, 5, folder)).rejects;
    await refused({ location: 'missing.data', length }).toThrow(/missing\.data is "missing".*Copy both files/);
    await refused({ location: 'weights.data', offset: 32, length }).toThrow(
      `weights.data is "${length + 16} bytes long", expected ${length + 32} bytes`,
    );
    for (const location of ['../weights.data', '/etc/passwd', 'a/../../b', 'c:\\x', '']) {
      await refused({ location, length }).toThrow(/the weight W is .*expected a place in a file beside the model/);
    }
  });

  it('finds the embedding among several outputs by its shape, or as asked', async () => {
    const column = (name: string, width: number): Weight => ({
      name,
      dims: [EACH, width],
      values: Array.from({ length: EACH * width }, (_, i) => Math.cos(i)),
    });
    const several = (...widths: readonly number[]) =>
      onnxFile({
        nodes: [
          { opType: 'Flatten', input: ['x'], output: ['f'] },
          ...widths.map((_, i) => ({ opType: 'MatMul', input: ['f', `W${i}`], output: [`y${i}`] })),
        ],
        weights: widths.map((width, i) => column(`W${i}`, width)),
        input: [...planarInput],
        outputs: Object.fromEntries(widths.map((width, i) => [`y${i}`, ['n', width]])),
      });
    const found = await embed(several(1, 6));
    expect(found.width).toBe(6);
    expect(found.notes).toContain('output: y1 [N, 6], not y0');
    await expect(embed(several(4, 6))).rejects.toThrow(
      'y0 [1, 4], y1 [1, 6]", expected one embedding. Name the output that it is with --output.',
    );
    expect((await embed(several(4, 6), { output: 'y0' })).width).toBe(4);
    await expect(embed(several(4, 6), { output: 'y9' })).rejects.toThrow(
      'output is "y9", expected one of y0 [1, 4], y1',
    );
    await expect(embed(several(1))).rejects.toThrow(
      'its outputs is "y0 [1, 1]", expected one that is [1, width], width > 1',
    );
    await expect(embed(several(1, 6), { output: 'y0' })).rejects.toThrow('output y0 is "[1, 1]", expected embeddings');
    const map = onnxFile({
      nodes: [{ opType: 'Identity', input: ['x'], output: ['y'] }],
      input: [...planarInput],
      outputs: { y: [...planarInput] },
    });
    await expect(embed(map)).rejects.toThrow('expected one that is [1, width]');
  });

  it('says when every image gets the same vector, and refuses what is no number', async () => {
    const constant = (...values: readonly number[]) =>
      flattening(planarInput, [
        ['Mul', [0]],
        ['Add', values],
      ]);
    expect((await embed(constant(3))).warnings).toEqual([
      expect.stringContaining('the same vector for every one of 5 images'),
    ]);
    expect((await embed(constant(0))).warnings).toHaveLength(1);
    expect((await embed(constant(3), {}, 1)).warnings).toEqual([]);
    expect((await embed(flattening(planarInput))).warnings).toEqual([]);
    await expect(embed(flattening(planarInput, [['Div', [0]]]), { mean: 0, scale: 1 })).rejects.toThrow(
      'is "not finite", expected numbers',
    );
  });

  it('gives the whole reason in one line for a version that is not known', async () => {
    const refused = (more: Partial<OnnxFile>) => expect(embed(flattening(planarInput, [], more))).rejects;
    await refused({ irVersion: 99 }).toThrow(/says: Unsupported model IR version: 99, max supported IR version: \d+$/);
    await refused({ opset: 99 }).toThrow(/says: ONNX Runtime only [^\n]*Opset 99[^\n]*till opset \d+\.$/);
    const nodes = [{ opType: 'NoSuchLayer', input: ['x'], output: ['y'] }];
    await refused({ nodes }).toThrow(/says: [^\n]*NoSuchLayer/);
  });
});
