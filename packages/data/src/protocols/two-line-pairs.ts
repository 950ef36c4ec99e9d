import type { FacePair, PairList } from './lfw-pairs.ts';
import { lastFields, linesOf, readText, refuseEmpty, refuseLine } from './text-lines.ts';

/**
 * Reads the pair lists of Cross-Age and Cross-Pose LFW: two lines a pair, each `Name_0001.jpg label`, all pairs of one
 * person first; any label but 0 stands for one person (it is the fold there). Pairs of either kind are dealt out to ten
 * folds in order, as FaceX-Zoo's parsers do.
 *
 * @throws {ProtomemError} with file and line when a line is none, a pair's two labels differ in kind, or the lines are odd.
 *
 * Source: Zheng et al., "Cross-age LFW", 2017; FaceX-Zoo, test_protocol/lfw/pairs_parser.py.
 *
 * @example
 * ```ts
 * const { pairs } = await readTwoLinePairs('pairs_CALFW.txt');
 * ```
 */
export async function readTwoLinePairs(path: string): Promise<PairList> {
  return parseTwoLinePairs(await readText('readTwoLinePairs', path, 'a pair list'), path);
}

/** {@link readTwoLinePairs} on text; `where` names the file in errors. */
export function parseTwoLinePairs(text: string, where = 'parseTwoLinePairs'): PairList {
  const lines = linesOf(text);
  const entries = lines.map((line) => {
    const [image, label] = lastFields(line.text, 1) ?? refuseLine(where, line, '"image label"');
    if (!/^\d+$/.test(label!)) refuseLine(where, line, '"image label"');
    return { image: image!, same: Number(label) !== 0 };
  });
  if (entries.length === 0) refuseEmpty(where, 'two lines for each pair');
  if (entries.length % 2 === 1) refuseLine(where, lines.at(-1)!, 'a second image: two lines for each pair');
  const kinds: [FacePair[], FacePair[]] = [[], []];
  for (let i = 0; i < entries.length; i += 2) {
    const [one, other] = [entries[i]!, entries[i + 1]!];
    if (one.same !== other.same) refuseLine(where, lines[i + 1]!, 'a label of the same kind as the line before it');
    kinds[Number(one.same)]!.push({ a: one.image, b: other.image, same: one.same, fold: 0 });
  }
  const folds = 10;
  const pairs = kinds
    .flatMap((kind) => kind.map((pair, i) => ({ ...pair, fold: Math.floor((i * folds) / kind.length) })))
    .sort((a, b) => a.fold - b.fold || Number(b.same) - Number(a.same));
  const people = new Set(entries.map(({ image }) => image.replace(/_\d+\.\w+$/, '')));
  return { pairs, folds, people: [...people] };
}
