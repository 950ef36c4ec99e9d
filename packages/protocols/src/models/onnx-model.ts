import { readFile, stat } from 'node:fs/promises';
import { cpus } from 'node:os';
import { dirname, join } from 'node:path';
import { Float16Array } from '@petamoriken/float16';
import { check, ProtomemError, type Settings } from '@protomem/core';
import { systemReason } from '@protomem/core/node';
import type { InferenceSession, Tensor } from 'onnxruntime-web';
import type { UnwatchedModel } from './embedding-model.ts';
import { arrange, batchOf, chooseOutput, type Output, pixelsFor, sidesOf, widthOf } from './foreign-model.ts';
import { inputNormalization } from './input-normalization.ts';
import { modelFingerprint } from './model-fingerprint.ts';
import type { modelOptions } from './model-options.ts';
import { readOnnxGraph } from './onnx-graph.ts';

type Runtime = Pick<typeof import('onnxruntime-web'), 'InferenceSession' | 'Tensor'>;
type TensorType = Tensor.Type;

/**
 * Somebody else's encoder as an ONNX file: one input `[N, 3, H, W]` or `[N, H, W, 3]` of floats or bytes, N free or fixed;
 * an output `[N, D]`. Weights may lie in files beside it. Run by onnxruntime-node when that is installed, else by
 * onnxruntime's WebAssembly build.
 */
export async function onnxModel(file: string, options: Settings<typeof modelOptions>): Promise<UnwatchedModel> {
  const bytes = await readFile(file).catch((error: Error) => {
    const [got, expected] = [systemReason(error), 'an ONNX model of less than 2 GiB'];
    throw new ProtomemError({ where: 'model', what: file, got, expected }, { cause: error });
  });
  const graph = readOnnxGraph(file, bytes);
  const externalData = await externalFiles(file, graph.externalFiles);
  const fingerprint = modelFingerprint([bytes, ...externalData.map(({ data }) => data)], options);
  const { runtime, name: runtimeName } = await loadRuntime();
  const failed = (what: string, expected: string) => (error: unknown) => {
    const fix = `${runtimeName} says: ${reasonOf(error)}`;
    throw new ProtomemError({ where: 'model', what, got: 'refused', expected, fix }, { cause: error });
  };
  // The build for Node reads external weights itself, from where the model lies.
  const source = runtimeName === NATIVE ? (file as unknown as Uint8Array) : bytes;
  const session = await runtime.InferenceSession.create(source, { logSeverityLevel: 4, externalData }).catch(
    failed(file, 'an ONNX model that can be run'),
  );
  try {
    return await openSession();
  } catch (error) {
    await session.release();
    throw error;
  }

  async function openSession(): Promise<UnwatchedModel> {
    const { planar, shape, type, notes } = inputOf(file, session);
    const size = sidesOf(file, planar ? shape.slice(2) : shape.slice(1, 3), options.inputSize);
    const batch = batchOf(file, shape[0], size);
    const [height, width] = size;
    const inside = inputNormalization(graph, session.inputNames[0]!);
    const pixels = pixelsFor(options, inside, type === 'uint8');
    const each = 3 * height * width;

    async function run(values: Float32Array, count: number): Promise<Record<string, Tensor>> {
      const shape = planar ? [count, 3, height, width] : [count, height, width, 3];
      const feeds = { [session.inputNames[0]!]: new runtime.Tensor(type, cast[type](values), shape) };
      return (await session.run(feeds).catch(failed(file, `a model that takes [${shape.join(', ')}]`))) as Record<
        string,
        Tensor
      >;
    }

    const images = batch ?? 1;
    const probe = await run(new Float32Array(images * each), images);
    const output = chooseOutput(file, outputsOf(probe), images, options.output);
    const embeddingSize = widthOf(output, images);

    /** As many images at a time as the model takes; the last ones have blank ones beside them. */
    async function embedAll(values: Float32Array, count: number): Promise<Float32Array> {
      const all = new Float32Array(count * embeddingSize);
      const step = batch ?? count;
      for (let start = 0; start < count; start += step) {
        const some = values.subarray(start * each, (start + step) * each);
        const padded = some.length === step * each ? some : new Float32Array(step * each);
        if (padded !== some) padded.set(some);
        const { data, dims } = (await run(padded, step))[output.name]!;
        check(widthOf({ name: output.name, shape: dims }, step) === embeddingSize, () => ({
          where: file,
          what: `output ${output.name}`,
          got: `[${dims}]`,
          expected: `[${step}, ${embeddingSize}], one row for each image`,
        }));
        const rows = floats(file, output.name, data);
        all.set(rows.subarray(0, Math.min(step, count - start) * embeddingSize), start * embeddingSize);
      }
      return all;
    }

    floats(file, output.name, probe[output.name]!.data);
    const others = outputsOf(probe).filter(({ name }) => name !== output.name);
    return {
      kind: `ONNX, ${runtimeName}`,
      file,
      fingerprint,
      inputSize: size,
      embeddingSize,
      notes: [
        pixels.note,
        ...notes,
        ...(batch !== undefined && batch > 1 ? [`input: ${batch} images at a time, blank ones beside the last`] : []),
        ...(others.length > 0
          ? [`output: ${output.name} [N, ${embeddingSize}], not ${others.map(({ name }) => name).join(', ')}`]
          : []),
      ],
      async embed(bytes, count, flip) {
        const layout = { height, width, planar };
        const straight = await embedAll(arrange(bytes, pixels, { ...layout, mirror: false }), count);
        if (!flip) return straight;
        const mirrored = await embedAll(arrange(bytes, pixels, { ...layout, mirror: true }), count);
        return straight.map((value, i) => value + mirrored[i]!);
      },
      dispose: () => session.release(),
    };
  }
}

const outputsOf = (outputs: Record<string, Tensor>): Output[] =>
  Object.entries(outputs).map(([name, { dims }]) => ({ name, shape: dims }));

/** Pixels as an input takes them. Float16 goes as its bits. */
const cast = {
  float32: (values: Float32Array) => values,
  float64: (values: Float32Array) => Float64Array.from(values),
  float16: (values: Float32Array) => new Uint16Array(new Float16Array(values).buffer),
  uint8: (values: Float32Array) => Uint8Array.from(new Uint8ClampedArray(values)),
} as const satisfies Partial<Record<TensorType, unknown>>;

/** An output's numbers. Node from 24 on has a Float16Array of its own, older ones get bits. */
function floats(file: string, name: string, data: Tensor['data']): Float32Array {
  if (data instanceof Float32Array) return data;
  if (data instanceof Float64Array) return Float32Array.from(data);
  if (data instanceof Uint16Array) return Float32Array.from(new Float16Array(data.slice().buffer));
  const type = data.constructor.name;
  if (type === 'Float16Array') return Float32Array.from(data as unknown as ArrayLike<number>);
  throw new ProtomemError({ where: file, what: `output ${name}`, got: type, expected: 'floats of 16, 32 or 64 bits' });
}

// Named by a variable: it is nobody's dependency, only used where it is found.
const NATIVE = 'onnxruntime-node';

async function loadRuntime(): Promise<{ runtime: Runtime; name: string }> {
  try {
    const found = (await import(NATIVE)) as Runtime & { readonly default?: Runtime };
    return { runtime: found.default ?? found, name: NATIVE };
  } catch {
    const runtime = await import('onnxruntime-web');
    runtime.env.wasm.numThreads = cpus().length;
    return { runtime, name: 'onnxruntime-web (WebAssembly)' };
  }
}

/** The files that hold a model's weights, as onnxruntime takes them. */
async function externalFiles(file: string, named: ReadonlyMap<string, number>) {
  return Promise.all(
    [...named].map(async ([path, least]) => {
      const place = join(dirname(file), path);
      const refuse = (got: string, cause?: unknown): never => {
        const expected = `${least} bytes of weights, which ${file} has in this file beside it`;
        const fix = 'Copy both files: exporters of PyTorch write two.';
        throw new ProtomemError({ where: 'model', what: place, got, expected, fix }, { cause });
      };
      const { size } = await stat(place).catch((error: Error) => refuse(systemReason(error), error));
      if (size < least) refuse(`${size} bytes long`);
      return { path, data: await readFile(place).catch((error: Error) => refuse(systemReason(error), error)) };
    }),
  );
}

/** Why onnxruntime refuses, in one line: without its error code, the path of its source and the signature there. */
function reasonOf(error: unknown): string {
  const text = (error instanceof Error ? error.message : String(error))
    .replace(/^.*?ERROR_MESSAGE: /s, '')
    .slice(0, 2000);
  return text
    .replace(/[\p{Cc}\s]+/gu, ' ')
    .replace(/\/\S+\.(?:cc|cpp|h):\d+ [^(]*\((?:[^()]|\([^()]*\))*\)(?: const)? ?/, '')
    .trim();
}

function inputOf(file: string, session: InferenceSession) {
  const [input] = session.inputMetadata ?? [];
  const shape = input?.isTensor ? input.shape : [];
  const free = (side: unknown): boolean => typeof side !== 'number' || side <= 0;
  // Where the channels have no number either, they are where PyTorch has them.
  const guessed = shape[1] !== 3 && shape[3] !== 3 && free(shape[1]);
  const planar = shape[1] === 3 || guessed;
  check(session.inputNames.length === 1 && shape.length === 4 && (planar || shape[3] === 3), () => ({
    where: file,
    what: 'its input',
    got: `${session.inputNames.length} input(s), the first [${shape}]`,
    expected: 'one input [N, 3, H, W] or [N, H, W, 3]',
  }));
  const type = (input as { readonly type: TensorType }).type;
  check(Object.hasOwn(cast, type), () => ({
    where: file,
    what: 'its input',
    got: `of ${type}`,
    expected: `of ${Object.keys(cast).join(', ')}`,
  }));
  return {
    planar,
    shape,
    type: type as keyof typeof cast,
    notes: [
      ...(guessed ? [`input: [${shape.join(', ')}], taken for [N, 3, H, W]`] : []),
      ...(type === 'float32' ? [] : [`input: ${type}, pixels are cast`]),
    ],
  };
}
