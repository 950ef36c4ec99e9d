import { readFile } from 'node:fs/promises';
import { check, type ImageSource, ProtomemError, unescapeName } from '@protomem/core';
import { systemReason } from '@protomem/core/node';
import { loadImages, pathEnds, readNpy } from '@protomem/data';
import { takeRows } from '@protomem/evaluation';
import { embeddingWatch } from './models/embedding-watch.ts';
import type { ModelOptions } from './models/model-options.ts';
import { openModel, refuseModelOptions } from './models/open-model.ts';

/** Images of a protocol, each its own identity, and what its lists call them. */
export interface Faces {
  readonly names: readonly string[];
  readonly source: ImageSource;
}

/** What gives the embeddings of a protocol's images: a model that sees them, or a file of a model that has. */
export interface Embedder {
  readonly label: string;
  /** True when images are found by their names and never looked at. */
  readonly byName: boolean;
  /** Embeddings with those of the mirror images added, as they come, `[faces, width]`. */
  embed(faces: Faces): Promise<{ readonly values: Float32Array; readonly width: number; readonly seconds: number }>;
  /** What is known about the model so far, a line each: its pixels, and whether it tells images apart. */
  notes(): readonly string[];
  dispose(): Promise<void>;
}

/** Called as images are embedded. */
export type OnProgress = (progress: { readonly done: number; readonly total: number }) => void;

export async function openEmbedder(
  path: string,
  batch: number,
  options: ModelOptions,
  onProgress?: OnProgress,
): Promise<Embedder> {
  if (!path.endsWith('.npy')) return modelEmbedder(path, batch, options, onProgress);
  refuseModelOptions(path, options, 'a file of embeddings');
  return storedEmbeddings(path);
}

async function modelEmbedder(
  path: string,
  batch: number,
  options: ModelOptions,
  onProgress?: OnProgress,
): Promise<Embedder> {
  const model = await openModel(path, options);
  const [height, width] = model.inputSize;
  return {
    label: model.kind,
    byName: false,
    async embed({ source }) {
      const begun = performance.now();
      const places = Array.from({ length: source.identities }, (_, identity) => ({ identity, image: 0 }));
      const values = new Float32Array(places.length * model.embeddingSize);
      let done = 0;
      for await (const { pixels, names } of loadImages(source, places, { height, width, batchSize: batch })) {
        values.set(await model.embed(pixels, names.length, true), done * model.embeddingSize);
        done += names.length;
        onProgress?.({ done, total: places.length });
      }
      return { values, width: model.embeddingSize, seconds: (performance.now() - begun) / 1000 };
    },
    notes: () => [...model.notes, ...model.warnings()],
    dispose: () => model.dispose(),
  };
}

/** What `embed --out FILE.npy` wrote: rows, and their names in the `.txt` beside it. */
async function storedEmbeddings(path: string): Promise<Embedder> {
  const {
    shape: [rows = 0, width = 0, ...more],
    values,
  } = await readNpy(path);
  const namesFile = path.replace(/\.npy$/, '.txt');
  const text = await readFile(namesFile, 'utf8').catch((error: Error) => {
    const [got, expected] = [systemReason(error), 'a name a line, one for each row'];
    throw new ProtomemError({ where: 'model', what: namesFile, got, expected }, { cause: error });
  });
  const names = text
    .split(/\r?\n/)
    .filter((line) => line !== '')
    .map(unescapeName);
  check(more.length === 0 && width > 0 && names.length === rows, () => ({
    where: 'model',
    what: path,
    got: `shape (${[rows, width, ...more]}) and ${names.length} names`,
    expected: 'rows of embeddings, and as many names',
  }));
  const rowOf = rowFinder(names);
  const watch = embeddingWatch(path);
  return {
    label: `embeddings of ${path}`,
    byName: true,
    async embed(faces) {
      const rows = faces.names.map((name) => {
        const row = rowOf(name);
        check(row !== undefined, () => ({
          where: namesFile,
          what: name,
          got: 'missing, or there under several folders',
          expected: 'an embedding for each image that the protocol names',
          fix: 'Embed the folder that holds the images of the protocol.',
        }));
        return row;
      });
      const found = takeRows(values, width, rows);
      watch.see(found, width);
      return { values: found, width, seconds: 0 };
    },
    notes: () => watch.warnings(),
    dispose: async () => undefined,
  };
}

/** Finds rows by name. Data sets name images by their whole path, lists by the end of it: folder and file must agree. */
function rowFinder(names: readonly string[]): (name: string) => number | undefined {
  const rows = new Map<string, number | undefined>();
  for (const [row, name] of names.entries()) {
    for (const end of pathEnds(name)) rows.set(end, rows.has(end) ? undefined : row);
  }
  return (name) => {
    const least = Math.min(2, name.split('/').length);
    for (const end of pathEnds(name)) if (end.split('/').length >= least && rows.has(end)) return rows.get(end);
    return undefined;
  };
}
