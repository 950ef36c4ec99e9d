import { check, integer } from '@protomem/core';

/** One line of an LFW pair list. Image numbers start at 1, as in file names: `Name_0001`. */
export interface LfwPair {
  readonly same: boolean;
  readonly first: { readonly identity: string; readonly image: number };
  readonly second: { readonly identity: string; readonly image: number };
}

/**
 * Reads an LFW pair list: tab-separated lines `name i j` (the same person) or `name i other j` (different people),
 * after an optional header (`10 300` in View 2, `500` in View 1, where some copies lack it).
 *
 * @param text of the file.
 * @param where names the file in errors.
 *
 * @example
 * ```ts
 * parseLfwPairs('1\nAl_Pacino\t1\t2\nAl_Pacino\t3\tJob\t1\n');
 * ```
 */
export function parseLfwPairs(text: string, where = 'parseLfwPairs'): LfwPair[] {
  const pairs: LfwPair[] = [];
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const fields = line.trim().split(/\t/);
    const isHeader = index === 0 && fields.every((field) => /^\d+$/.test(field));
    if (line.trim() === '' || isHeader) continue;
    check(fields.length === 3 || fields.length === 4, () => ({
      where,
      what: `line ${index + 1}`,
      got: line,
      expected: '"name i j" or "name i other j", separated by tabs',
    }));
    const image = (field: string | undefined): number =>
      integer(where, `an image number on line ${index + 1}`, Number(field), 1);
    const same = fields.length === 3;
    pairs.push({
      same,
      first: { identity: fields[0]!, image: image(fields[1]) },
      second: { identity: same ? fields[0]! : fields[2]!, image: image(fields.at(-1)) },
    });
  }
  return pairs;
}
