import { ProtomemError, parseJson } from '@protomem/core';
import { linesOf, readText, refuseEmpty } from './text-lines.ts';

/** Images of a MegaFace or FaceScrub list. */
export interface MegaFaceList {
  readonly images: readonly string[];
  /** The person of each image, when the list says so; else its folder. */
  readonly people: readonly string[];
}

/**
 * Reads an image list of MegaFace: JSON with `path` and, for probes, `id` (the development kit's), or text with a path a
 * line (InsightFace's `facescrub_lst`, `megaface_lst`).
 *
 * @throws {ProtomemError} when the JSON is none, or its two lists differ in length.
 *
 * Source: the template lists of the MegaFace development kit; InsightFace, recognition/_evaluation_/megaface.
 *
 * @example
 * ```ts
 * const { images, people } = await readMegaFaceList('facescrub_features_list.json');
 * ```
 */
export async function readMegaFaceList(path: string): Promise<MegaFaceList> {
  const expected = 'JSON with "path" and "id", or a path a line';
  const text = await readText('readMegaFaceList', path, expected);
  const { images, people } = /^\s*\{/.test(text) ? ofJson(path, text) : { images: namesOf(text), people: undefined };
  if (images.length === 0) refuseEmpty(path, expected);
  return { images, people: people ?? images.map((image) => image.split('/').at(-2) ?? image) };
}

/**
 * Reads a list of images to leave out: one a line, `#` before remarks, perhaps a number and a tab before the name.
 *
 * Source: InsightFace, recognition/_evaluation_/megaface/remove_noises.py.
 */
export async function readMegaFaceNoises(path: string): Promise<ReadonlySet<string>> {
  const names = namesOf(await readText('readMegaFaceNoises', path, 'a name a line'));
  if (names.length === 0) refuseEmpty(path, 'a name a line');
  return new Set(names.map((name) => name.split('\t').at(-1)!.trim()));
}

/**
 * The rows of a list that a noise list names: by whole paths or by their ends, such as `Name_1.png` for
 * `facescrub/Name/Name_1.png`.
 *
 * @throws {ProtomemError} when it names none: the two are of different data sets then.
 */
export function noisyRows(images: readonly string[], noises: ReadonlySet<string>): number[] {
  const rows = images.flatMap((image, row) => {
    return pathEnds(image).some((end) => noises.has(end)) ? [row] : [];
  });
  if (rows.length > 0 || noises.size === 0) return rows;
  throw new ProtomemError({
    where: 'noisyRows',
    what: 'the noise list',
    got: `${noises.size} names, such as ${[...noises][0]}`,
    expected: `some of the ${images.length} images, such as ${images[0]}`,
    fix: 'The lists are of different data sets, or their paths are written otherwise.',
  });
}

/** No data set nests its folders deeper; without a limit, one line of slashes would make as many names of it. */
const MOST_FOLDERS = 32;

/** A path and its ends: `a/b/c`, `b/c`, `c`. Of one with more than 32 parts, itself and the shortest 32. */
export function pathEnds(path: string): string[] {
  const ends: string[] = [];
  for (let at = path.lastIndexOf('/'); at >= 0 && ends.length < MOST_FOLDERS; at = path.lastIndexOf('/', at - 1)) {
    ends.unshift(path.slice(at + 1));
    if (at === 0) break;
  }
  return [path, ...ends];
}

const namesOf = (text: string): string[] =>
  linesOf(text)
    .map((line) => line.text)
    .filter((line) => !line.startsWith('#'));

function ofJson(path: string, text: string): { images: string[]; people: string[] | undefined } {
  const { path: images, id } = parseJson(text, { where: path, what: 'the list' }) as {
    readonly path?: unknown;
    readonly id?: unknown;
  };
  const strings = (value: unknown): value is string[] =>
    Array.isArray(value) && value.every((one) => typeof one === 'string');
  if (!strings(images)) {
    throw new ProtomemError({ where: path, what: '"path"', got: typeof images, expected: 'a list of strings' });
  }
  if (id === undefined) return { images, people: undefined };
  if (!Array.isArray(id) || id.length !== images.length) {
    const got = Array.isArray(id) ? `${id.length} entries` : typeof id;
    throw new ProtomemError({
      where: path,
      what: '"id"',
      got,
      expected: `a list of ${images.length}, one for each path`,
    });
  }
  const named = (one: unknown): boolean => typeof one === 'string' || Number.isFinite(one);
  if (!id.every(named)) {
    throw new ProtomemError({
      where: path,
      what: '"id"',
      got: id.find((one) => !named(one)),
      expected: 'names or numbers',
    });
  }
  return { images, people: id.map(String) };
}
