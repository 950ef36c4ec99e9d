import type { ImageSource } from '@protomem/core';
import type { Suspect } from '@protomem/mining';

/**
 * Pairs of identities that may be one person, for somebody to look at: both names, the cosine, and an image of each, with
 * tabs between. Tabs and line ends in names become spaces.
 */
export async function duplicatesTable(source: ImageSource, suspects: readonly Suspect[]): Promise<string> {
  const imageOf = async (identity: number): Promise<string> => {
    const image = await source.load(identity, 0).catch(() => undefined);
    return image?.name ?? '(not readable)';
  };
  const lines = ['name\tname\tcosine\timage\timage'];
  for (const { a, b, cosine } of suspects) {
    const fields = [
      source.identityName(a),
      source.identityName(b),
      cosine.toFixed(4),
      await imageOf(a),
      await imageOf(b),
    ];
    lines.push(fields.map((field) => field.replace(/\s+/g, ' ')).join('\t'));
  }
  return `${lines.join('\n')}\n`;
}
