import type { ImageSource } from '@protomem/core';

/** How many images the identities of a source have. */
export interface ImageCounts {
  readonly identities: number;
  readonly images: number;
  /** Number of identities by how many images they have, from few to many; bins without identities are left out. */
  readonly histogram: readonly { readonly images: string; readonly identities: number }[];
}

/** Lower ends of the bins. */
const BINS = [0, 1, 2, 3, 4, 5, 10, 20, 50, 100, 200, 500, 1000];

/**
 * Counts images without reading any. Visits each identity once, so for sources with a list of identities.
 *
 * @example
 * ```ts
 * const { identities, images } = countImages(await openDataset('faces'));
 * ```
 */
export function countImages(source: ImageSource): ImageCounts {
  const inBin = new Array<number>(BINS.length).fill(0);
  let images = 0;
  for (let identity = 0; identity < source.identities; identity++) {
    const count = source.imagesOf(identity);
    images += count;
    inBin[BINS.findLastIndex((low) => low <= count)]!++;
  }
  const name = (bin: number): string => {
    const [low, above] = [BINS[bin]!, BINS[bin + 1]];
    if (above === undefined) return `${low} or more`;
    return above === low + 1 ? String(low) : `${low}-${above - 1}`;
  };
  const bins = inBin.map((identities, bin) => ({ images: name(bin), identities }));
  return { identities: source.identities, images, histogram: bins.filter(({ identities }) => identities > 0) };
}
