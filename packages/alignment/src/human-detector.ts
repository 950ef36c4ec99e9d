import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { type OptionsOf, option, ProtomemError, readOptions } from '@protomem/core';
import type { Detect, DetectedFace } from './detect.ts';
import { findFaces } from './find-faces.ts';
import type { Point } from './similarity.ts';
import { type Landmarks, mapPoints } from './template.ts';
import type { Photo } from './warp.ts';

const humanDetectorOptions = {
  minScore: option.number({ help: 'Least score of a face.', min: 0, max: 1, default: 0.3 }),
};

/** Points of MediaPipe's face mesh whose means are the five landmarks. */
const meshPoints = [[33, 133, 145, 159], [263, 362, 374, 386], [1, 4], [61], [291]] as const;

/** What is used of `@vladmandic/human`. */
interface Human {
  readonly tf: HumanTensorflow;
  load(changes: { readonly backend: string }): Promise<void>;
  detect(tensor: unknown): Promise<{
    readonly face?: readonly { readonly mesh?: readonly Point[]; readonly boxScore: number }[];
    readonly error?: string | null;
  }>;
}

interface HumanTensorflow {
  ready(): Promise<void>;
  getBackend(): string;
  tensor3d(values: Uint8Array, shape: readonly number[], dtype: 'int32'): unknown;
  dispose(tensor: unknown): void;
  readonly io: {
    registerLoadRouter(router: (url: unknown) => { load(): Promise<unknown> } | null): void;
    getModelArtifactsForJSON(
      model: unknown,
      weights: (manifest: readonly { paths: string[]; weights: unknown[] }[]) => Promise<[unknown[], ArrayBuffer]>,
    ): Promise<unknown>;
  };
}

/** Models are loaded from the package itself through a scheme of our own: `fetch` of Node reads no files. */
const SCHEME = 'protomem-human:/';

/**
 * A detector: BlazeFace and the face mesh of MediaPipe, as packaged with their weights in `@vladmandic/human`, on the
 * active TensorFlow.js backend. Each face is looked at twice, the second time turned upright and at a fixed size, so
 * that the landmarks are as good in turned, small and large faces. When a photo shows no face, overlapping quarters of it
 * are searched, where small faces are larger.
 *
 * The package is an optional peer: `npm install @vladmandic/human @tensorflow/tfjs @tensorflow/tfjs-backend-wasm`.
 * Its node build is loaded once a process; it switches TensorFlow.js to production mode.
 *
 * @throws {ProtomemError} when the package or TensorFlow.js is not installed.
 *
 * @example
 * ```ts
 * await loadEngine(); // of @protomem/engine, or tf.setBackend(...)
 * const detect = await humanDetector();
 * const faces = await detect(await readPhoto(bytes), 'photo.jpg');
 * ```
 */
export async function humanDetector(options: OptionsOf<typeof humanDetectorOptions> = {}): Promise<Detect> {
  const { minScore } = readOptions('humanDetector', humanDetectorOptions, options);
  const human = await loadHuman(minScore);
  const { tf } = human;

  const look = async ({ pixels, width, height }: Photo): Promise<DetectedFace[]> => {
    const tensor = tf.tensor3d(pixels, [height, width, 3], 'int32');
    try {
      const { face = [], error } = await human.detect(tensor);
      if (error) throw new Error(`@vladmandic/human: ${error}`);
      return face.flatMap(({ mesh, boxScore: score }) =>
        mesh && mesh.length > 0 && score >= minScore ? [{ landmarks: landmarksOf(mesh), score }] : [],
      );
    } finally {
      tf.dispose(tensor);
    }
  };

  // The library holds the state of one detection: one at a time.
  let last: Promise<unknown> = Promise.resolve();
  return (photo) => {
    const result = last.then(() => findFaces(photo, look));
    last = result.catch(() => undefined);
    return result;
  };
}

function landmarksOf(mesh: readonly Point[]): Landmarks {
  const mean = (points: readonly number[], k: 0 | 1): number =>
    points.reduce((sum, point) => sum + mesh[point]![k], 0) / points.length;
  return mapPoints<readonly number[]>(meshPoints, (points) => [mean(points, 0), mean(points, 1)]);
}

async function loadHuman(minScore: number): Promise<Human> {
  const require = createRequire(import.meta.url);
  let folder: string;
  let library: { Human: new (config: unknown) => Human };
  try {
    // Its main file is for tfjs-node; the build beside it runs on whatever backend TensorFlow.js has.
    folder = dirname(require.resolve('@vladmandic/human'));
    library = require(join(folder, 'human.node-wasm.js'));
  } catch (error) {
    throw new ProtomemError(
      {
        where: 'humanDetector',
        what: 'the detector',
        got: (error as Error).message.split('\n')[0],
        expected: 'the packages @vladmandic/human, @tensorflow/tfjs and @tensorflow/tfjs-backend-wasm',
        fix: 'Install them with npm, plug in a detector of your own, or bring landmarks in a file.',
      },
      { cause: error },
    );
  }
  const off = { enabled: false };
  const config = {
    modelBasePath: SCHEME,
    async: false,
    cacheModels: false,
    cacheSensitivity: 0,
    filter: off,
    gesture: off,
    body: off,
    hand: off,
    object: off,
    segmentation: off,
    face: {
      enabled: true,
      // Nothing is carried over from the photo before.
      detector: { rotation: true, maxDetected: 20, minConfidence: minScore, skipFrames: 0, skipTime: 0 },
      mesh: { enabled: true },
      attention: off,
      iris: off,
      emotion: off,
      description: off,
      antispoof: off,
      liveness: off,
    },
  };
  const human = new library.Human(config);
  await human.tf.ready();
  routeModels(human.tf, join(folder, '..', 'models'));
  await human.load({ backend: human.tf.getBackend() });
  return human;
}

let routed = false;

function routeModels({ io }: HumanTensorflow, folder: string): void {
  if (routed) return;
  routed = true;
  io.registerLoadRouter((url) => {
    if (typeof url !== 'string' || !url.startsWith(SCHEME)) return null;
    const file = join(folder, url.slice(SCHEME.length));
    const load = async (): Promise<unknown> =>
      io.getModelArtifactsForJSON(JSON.parse(await readFile(file, 'utf8')), async (manifest) => {
        const files = manifest.flatMap(({ paths }) => paths.map((path) => readFile(join(dirname(file), path))));
        const bytes = Uint8Array.from(Buffer.concat(await Promise.all(files)));
        return [manifest.flatMap(({ weights }) => weights), bytes.buffer];
      });
    return { load };
  });
}
