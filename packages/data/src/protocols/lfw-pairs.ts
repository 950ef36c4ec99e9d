import { ProtomemError } from '@protomem/core';
import { linesOf, readText } from './text-lines.ts';

/** Two images to compare. */
export interface FacePair {
  /** Paths below the data's folder, such as `NAME/NAME_0001.jpg`. */
  readonly a: string;
  readonly b: string;
  /** True for two images of one person. */
  readonly same: boolean;
  /** 0 ... folds - 1. */
  readonly fold: number;
}

/** A pair list. */
export interface PairList {
  readonly pairs: readonly FacePair[];
  readonly folds: number;
  /** Names of all people in it, each once, in order of appearance. */
  readonly people: readonly string[];
}

/**
 * Reads a pair list of Labeled Faces in the Wild: `name n m` is a pair of one person, `name n other m` of two, tabs
 * between. The first line may tell how many pairs follow: `folds n` (View 2: each fold has n same and n different pairs)
 * or `n` (View 1: n same and n different); without it, all pairs are one fold.
 *
 * For images that are not named as LFW's are, a line may also give both paths and 1 (one person) or 0, tabs between:
 * `Ada/1.jpg Ada/b.png 1`. The first folder of a path is the person.
 *
 * @throws {ProtomemError} with the line's number when a line is none of these or the count does not fit.
 *
 * Source: http://vis-www.cs.umass.edu/lfw/README.txt, sections on Views 1 and 2.
 *
 * @example
 * ```ts
 * const { pairs, folds, people } = await readLfwPairs('pairs.txt');
 * ```
 */
export async function readLfwPairs(path: string): Promise<PairList> {
  return parseLfwPairs(await readText('readLfwPairs', path, 'a pair list'), path);
}

/** {@link readLfwPairs} on text; `where` names the file in errors. */
export function parseLfwPairs(text: string, where = 'parseLfwPairs'): PairList {
  const lines = linesOf(text).map((line) => ({ ...line, fields: fieldsOf(line.text) }));
  const refuse = ({ number, fields }: (typeof lines)[number], expected: string): never => {
    throw new ProtomemError({ where, what: `line ${number}`, got: fields.join(' '), expected });
  };
  // Names may be numbers, too; a pair has three fields or four.
  const [top] = lines;
  const isHeader = top && top.fields.length <= 2 && top.fields.every((field) => /^\d+$/.test(field));
  const header = isHeader ? top.fields.map(Number) : undefined;
  if (header?.includes(0)) refuse(top!, 'counts above 0: folds and pairs, or pairs alone');
  const folds = header?.length === 2 ? header[0]! : 1;
  const pairsOfFold = header ? 2 * header.at(-1)! : Number.POSITIVE_INFINITY;

  const pairs: FacePair[] = [];
  const people = new Set<string>();
  const image = (name: string, number: string, line: (typeof lines)[number]): string => {
    if (!/^[1-9]\d{0,3}$/.test(number)) refuse(line, 'image numbers from 1 to 9999');
    people.add(name);
    return `${name}/${name}_${number.padStart(4, '0')}.jpg`;
  };
  for (const line of lines.slice(header ? 1 : 0)) {
    const [name, first, third, fourth, ...more] = line.fields;
    const fold = Math.floor(pairs.length / pairsOfFold);
    const paths = twoPaths(line.text);
    if (paths) {
      const [a, b, same] = paths;
      for (const path of [a, b]) people.add(path.slice(0, path.indexOf('/')));
      pairs.push({ a, b, same: same === '1', fold });
      continue;
    }
    if (first === undefined || third === undefined || more.length > 0)
      refuse(line, '"name n m", "name n other m" or "path path 0|1"');
    const a = image(name!, first!, line);
    const b = fourth === undefined ? image(name!, third!, line) : image(third!, fourth, line);
    pairs.push({ a, b, same: fourth === undefined || name === third, fold });
  }
  const expected = header ? folds * pairsOfFold : pairs.length;
  if (pairs.length !== expected || pairs.length === 0) {
    throw new ProtomemError({
      where,
      what: 'the number of pairs',
      got: pairs.length,
      expected: header ? `${expected}, as line ${top!.number} says` : 'at least 1',
      fix: 'The file is cut short or is not a pair list; use another copy.',
    });
  }
  return { pairs, folds, people: [...people] };
}

/** Where tabs stand between, a name may hold blanks. */
function fieldsOf(text: string): readonly string[] {
  if (!text.includes('\t')) return text.split(/\s+/);
  const fields = text.split('\t').map((field) => field.trim());
  return fields.filter(Boolean);
}

/** Both paths of a line and `1` or `0`, if this is what it has. */
function twoPaths(text: string): readonly [a: string, b: string, same: string] | undefined {
  const [a = '', b = '', same = '', ...more] = text.split('\t').map((field) => field.replace(/^(\.\/+)+/, ''));
  const isPath = (path: string): boolean => path.slice(1, -1).includes('/');
  return more.length === 0 && isPath(a) && isPath(b) && (same === '0' || same === '1') ? [a, b, same] : undefined;
}
