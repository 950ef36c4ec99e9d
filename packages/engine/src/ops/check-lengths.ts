import { check } from '@protomem/core';

/** Refuses lists that have not one entry for each of so many. */
export function checkLengths(
  where: string,
  lists: Readonly<Record<string, { readonly length: number }>>,
  count: number,
  of: string,
): void {
  for (const [what, list] of Object.entries(lists)) {
    check(list.length === count, () => ({
      where,
      what: `number of ${what}`,
      got: list.length,
      expected: `${count}, one for each ${of}`,
    }));
  }
}
