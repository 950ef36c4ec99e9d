import { type ImageSource, tableRow } from '@protomem/core';
import type { Suspect } from '@protomem/mining';

/**
 * Pairs of identities that may be one person, for somebody to look at: both names, the cosine, and an image of each, as a
 * row of {@link tableRow}.
 */
export async function duplicatesTable(source: ImageSource, suspects: readonly Suspect[]): Promise<string> {
  const imageOf = async (identity: number): Promise<string> => {
    const image = await source.load(identity, 0).catch(() => undefined);
    return image?.name ?? '(not readable)';
  };
  const rows = ['name\tname\tcosine\timage\timage\n'];
  for (const { a, b, cosine } of suspects) {
    const names = [source.identityName(a), source.identityName(b)];
    rows.push(tableRow([...names, Number(cosine.toFixed(4)), await imageOf(a), await imageOf(b)], '\t'));
  }
  return rows.join('');
}
