import { ProtomemError } from '@protomem/core';
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
  const { images, people } = /^\s*\{/.test(text) ? parseJson(path, text) : { images: namesOf(text), people: undefined };
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
    const parts = image.split('/');
    return parts.some((_, i) => noises.has(parts.slice(i).join('/'))) ? [row] : [];
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

const namesOf = (text: string): string[] =>
  linesOf(text)
    .map((line) => line.text)
    .filter((line) => !line.startsWith('#'));

function parseJson(path: string, text: string): { images: string[]; people: string[] | undefined } {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch (error) {
    const got = (error as Error).message;
    throw new ProtomemError({ where: path, what: 'the list', got, expected: 'valid JSON' }, { cause: error });
  }
  const { path: images, id } = data as { readonly path?: unknown; readonly id?: unknown };
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
  return { images, people: id.map(String) };
}
