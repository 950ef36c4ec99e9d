import { readFile } from 'node:fs/promises';
import { extname } from 'node:path';
import { lookUp, ProtomemError, parseJson } from '@protomem/core';
import type { Detect, DetectedFace } from './detect.ts';
import { type Landmarks, mapPoints } from './template.ts';

type Entry = readonly [file: string, landmarks: Landmarks];

/**
 * A detector that knows the landmarks already, from a file made by another program. A photo that the file does not name
 * has no face; one named several times has several.
 *
 * - `.csv`, `.tsv`: a line a face. The first column is the photo's path below the folder; its first ten columns of
 *   numbers are x and y of left eye, right eye, nose, left and right corner of the mouth. Other columns are passed over, so is a first line
 *   without numbers. No quotes: a path with a comma needs `.tsv`.
 * - `.json`: an object of paths, each with its faces, each five pairs `[x, y]`.
 * - `.jsonl`: a line a photo with `file` and `landmarks`, such as the record that {@link alignFolder} writes; lines
 *   without landmarks are passed over.
 *
 * Coordinates are pixels of the upright photo; left and right are the viewer's.
 *
 * @throws {ProtomemError} with file and line when a line is none of these.
 *
 * @example
 * ```ts
 * const detect = await landmarksFromFile('landmarks.csv'); // Ada/1.jpg,30.1,40.2,60.3,40.1,45.0,58.8,33.2,75.1,58.0,74.8
 * ```
 */
export async function landmarksFromFile(path: string): Promise<Detect> {
  const text = await readFile(path, 'utf8').catch((error: Error) => {
    throw new ProtomemError(
      { where: 'landmarksFromFile', what: path, got: `unreadable (${error.message})`, expected: 'a file of landmarks' },
      { cause: error },
    );
  });
  return parseLandmarks(text, path);
}

const parsers = {
  '.csv': (text: string, where: string) => parseColumns(text, where, ','),
  '.tsv': (text: string, where: string) => parseColumns(text, where, '\t'),
  '.json': parseObject,
  '.jsonl': parseRecords,
};

/** {@link landmarksFromFile} on text; `where` is the file's name, whose ending tells the format. */
export function parseLandmarks(text: string, where: string): Detect {
  const parser = lookUp(where, 'the ending', parsers, extname(where).toLowerCase());
  const faces = new Map<string, DetectedFace[]>();
  for (const [file, landmarks] of parser(text.replace(/^\uFEFF/, ''), where)) {
    const known = faces.get(file);
    if (known) known.push({ landmarks });
    else faces.set(file, [{ landmarks }]);
  }
  return (_, file) => faces.get(file) ?? [];
}

function* parseColumns(text: string, where: string, separator: string): Generator<Entry> {
  for (const [i, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === '') continue;
    const [file, ...columns] = line.split(separator);
    const numbers = columns.filter((column) => column.trim() !== '' && Number.isFinite(Number(column))).map(Number);
    if (i === 0 && numbers.length === 0) continue;
    if (numbers.length < 10) {
      const expected =
        'a path and ten numbers: x and y of left eye, right eye, nose, left and right corner of the mouth';
      throw new ProtomemError({ where, what: `line ${i + 1}`, got: line, expected });
    }
    yield [forward(file!), mapPoints([0, 2, 4, 6, 8], (k) => [numbers[k]!, numbers[k + 1]!])];
  }
}

function* parseObject(text: string, where: string): Generator<Entry> {
  const content = parseJson(text, { where, what: 'the content' });
  const expected = 'an object of paths with lists of faces, each five pairs [x, y]';
  if (typeof content !== 'object' || content === null || Array.isArray(content)) {
    throw new ProtomemError({ where, what: 'the content', got: content, expected });
  }
  for (const [file, faces] of Object.entries(content)) {
    if (!Array.isArray(faces) || !faces.every(isLandmarks)) {
      throw new ProtomemError({ where, what: JSON.stringify(file), got: faces, expected });
    }
    for (const landmarks of faces) yield [forward(file), landmarks];
  }
}

function* parseRecords(text: string, where: string): Generator<Entry> {
  for (const [i, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === '') continue;
    const what = `line ${i + 1}`;
    const { file, landmarks } = (parseJson(line, { where, what }) ?? {}) as { file?: unknown; landmarks?: unknown };
    if (landmarks === undefined) continue;
    if (typeof file !== 'string' || !isLandmarks(landmarks)) {
      throw new ProtomemError({ where, what, got: line, expected: 'an object with file and five pairs as landmarks' });
    }
    yield [forward(file), landmarks];
  }
}

function isLandmarks(value: unknown): value is Landmarks {
  const isPoint = (point: unknown): boolean =>
    Array.isArray(point) && point.length === 2 && point.every((coordinate) => Number.isFinite(coordinate));
  return Array.isArray(value) && value.length === 5 && value.every(isPoint);
}

/** A path as {@link Detect} is given it: below the folder, without `./` in front. */
const forward = (path: string): string =>
  path
    .trim()
    .replaceAll('\\', '/')
    .replace(/^(\.\/+)+/, '');
