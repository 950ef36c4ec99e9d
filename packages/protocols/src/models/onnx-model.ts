import { readFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { check, ProtomemError } from '@protomem/core';
import type { InferenceSession, Tensor } from 'onnxruntime-web';
import type { EmbeddingModel, PixelScale } from './embedding-model.ts';

type Runtime = Pick<typeof import('onnxruntime-web'), 'InferenceSession' | 'Tensor'>;

/**
 * Somebody else's encoder as an ONNX file: one input `[N, 3, H, W]` or `[N, H, W, 3]`, RGB; one output `[N, D]`. Run by
 * onnxruntime-node when that is installed, else by onnxruntime's WebAssembly build.
 */
export async function onnxModel(file: string, { mean, scale }: PixelScale): Promise<EmbeddingModel> {
  const { runtime, name } = await loadRuntime();
  const bytes = await readFile(file);
  const session = await openSession(runtime, file, bytes);
  const { planar, size, single } = inputOf(file, session);
  const output = session.outputNames[0]!;
  const [height, width] = size;

  async function run(values: Float32Array, count: number): Promise<Float32Array> {
    const shape = planar ? [count, 3, height, width] : [count, height, width, 3];
    const feeds = { [session.inputNames[0]!]: new runtime.Tensor('float32', values, shape) };
    const { data, dims } = (await session.run(feeds))[output] as Tensor;
    check(data instanceof Float32Array && data.length % count === 0, () => ({
      where: file,
      what: `output ${output}`,
      got: `${dims}`,
      expected: 'float32 embeddings, one row for each image',
    }));
    return data as Float32Array;
  }

  async function embedAll(values: Float32Array, count: number): Promise<Float32Array> {
    if (!single) return run(values, count);
    const each = values.length / count;
    const rows: Float32Array[] = [];
    for (let i = 0; i < count; i++) rows.push(await run(values.subarray(i * each, (i + 1) * each), 1));
    const all = new Float32Array(count * rows[0]!.length);
    for (const [i, row] of rows.entries()) all.set(row, i * row.length);
    return all;
  }

  const probe = await run(new Float32Array(3 * height * width), 1);
  return {
    kind: `ONNX, ${name}`,
    file,
    inputSize: size,
    embeddingSize: probe.length,
    async embed(pixels, count, flip) {
      const straight = await embedAll(
        arrange(pixels, { count, height, width, planar, mean, scale, mirror: false }),
        count,
      );
      if (!flip) return straight;
      const mirrored = await embedAll(
        arrange(pixels, { count, height, width, planar, mean, scale, mirror: true }),
        count,
      );
      return straight.map((value, i) => value + mirrored[i]!);
    },
    dispose: () => session.release(),
  };
}

async function loadRuntime(): Promise<{ runtime: Runtime; name: string }> {
  // Named by a variable: it is nobody's dependency, only used where it is found.
  const native = 'onnxruntime-node';
  try {
    const found = (await import(native)) as Runtime & { readonly default?: Runtime };
    return { runtime: found.default ?? found, name: native };
  } catch {
    const runtime = await import('onnxruntime-web');
    runtime.env.wasm.numThreads = cpus().length;
    return { runtime, name: 'onnxruntime-web (WebAssembly)' };
  }
}

async function openSession(runtime: Runtime, file: string, bytes: Uint8Array): Promise<InferenceSession> {
  try {
    return await runtime.InferenceSession.create(bytes, { logSeverityLevel: 3 });
  } catch (error) {
    throw new ProtomemError(
      { where: 'evaluate', what: file, got: (error as Error).message.split('\n')[0], expected: 'an ONNX model' },
      { cause: error },
    );
  }
}

function inputOf(file: string, session: InferenceSession) {
  const [input] = session.inputMetadata ?? [];
  const shape = input?.isTensor ? input.shape : [];
  const planar = shape[1] === 3;
  const [height, width] = (planar ? shape.slice(2) : shape.slice(1, 3)).map((one) =>
    typeof one === 'number' && one > 0 ? one : 112,
  );
  check(session.inputNames.length === 1 && shape.length === 4 && (planar || shape[3] === 3), () => ({
    where: file,
    what: 'its input',
    got: `${session.inputNames.length} input(s), the first [${shape}]`,
    expected: 'one input [N, 3, H, W] or [N, H, W, 3]',
  }));
  return { planar, size: [height!, width!] as const, single: shape[0] === 1 };
}

interface Arrangement extends PixelScale {
  readonly count: number;
  readonly height: number;
  readonly width: number;
  readonly planar: boolean;
  readonly mirror: boolean;
}

/** RGB bytes as the model's floats. */
function arrange(pixels: Uint8Array, { count, height, width, planar, mean, scale, mirror }: Arrangement): Float32Array {
  const values = new Float32Array(pixels.length);
  const plane = height * width;
  for (let image = 0; image < count; image++) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const from = 3 * (image * plane + y * width + (mirror ? width - 1 - x : x));
        for (let channel = 0; channel < 3; channel++) {
          const to = planar
            ? (3 * image + channel) * plane + y * width + x
            : 3 * (image * plane + y * width + x) + channel;
          values[to] = (pixels[from + channel]! - mean) / scale;
        }
      }
    }
  }
  return values;
}
