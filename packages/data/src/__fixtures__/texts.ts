import type { ImageSource } from '@protomem/core';

/** Identities of a source, with the bytes of their images as text. */
export async function textsOf(source: ImageSource): Promise<[string, string[]][]> {
  const all: [string, string[]][] = [];
  for (let identity = 0; identity < source.identities; identity++) {
    const images: string[] = [];
    for (let image = 0; image < source.imagesOf(identity); image++) {
      images.push(Buffer.from((await source.load(identity, image)).bytes).toString('latin1'));
    }
    all.push([source.identityName(identity), images]);
  }
  return all;
}

/** A source of such texts. */
export function sourceOfTexts(people: readonly (readonly [string, readonly string[]])[]): ImageSource {
  return {
    name: 'texts',
    identities: people.length,
    imagesOf: (identity) => people[identity]![1].length,
    identityName: (identity) => people[identity]![0],
    load: async (identity, image) => ({
      name: `texts/${image}.jpg`,
      bytes: Buffer.from(people[identity]![1][image]!, 'latin1'),
    }),
  };
}

/** Names that file systems and formats do not take as they are. */
export const hostileNames: readonly string[] = [
  '../../etc/passwd',
  '/etc/passwd',
  'a/b',
  '..',
  '.',
  ' ',
  'nul\0byte',
  'CON',
  'aux.txt',
  'back\\slash',
  'C:drive',
  'quote"comma,\tand\r\nlines',
  'Ünïcödé 李',
  '=cmd()',
  `${'long'.repeat(2000)}`,
  'same',
  'SAME',
  '__meta__',
];
