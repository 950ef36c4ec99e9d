import {
  check,
  type ImageSource,
  type OptionsOf,
  option,
  Remarks,
  readOptions,
  type SourceRemark,
} from '@protomem/core';
import type { builtInSpec } from './built-in-spec.ts';
import { groupedBy } from './grouped-by.ts';
import { shared } from './shared.ts';
import { builtIn, threadSpec } from './thread-spec.ts';

const selectionOptions = {
  minImages: option.integer({ help: 'Identities with fewer images are left out.', min: 1, default: 1 }),
  /** Names are compared in Unicode's form NFC, here and in `exclude`. */
  include: option.given<Iterable<string>>()({ help: 'Only these identities, by name.', absent: 'all' }),
  /** Such as the people of a test protocol. Names that the source does not have are ignored. */
  exclude: option.given<Iterable<string>>()({ help: 'Not these identities, by name.', absent: 'none' }),
};

/** Which identities of a source to take. */
export type SelectionOptions = OptionsOf<typeof selectionOptions>;

/**
 * What `selectIdentities` does, see there.
 *
 * @param specOf describes the selection to a thread, where there are such threads
 */
export function selection(source: ImageSource, options: SelectionOptions, specOf?: typeof builtInSpec): ImageSource {
  const where = 'selectIdentities';
  const { minImages, ...names } = readOptions(where, selectionOptions, options);
  const include = names.include && new Set(Array.from(names.include, inNfc));
  const exclude = new Set(Array.from(names.exclude ?? [], inNfc));
  const missing = new Set(include);
  const chosen: number[] = [];
  const remarks = new Remarks();
  for (let identity = 0; identity < source.identities; identity++) {
    const name = inNfc(source.identityName(identity));
    missing.delete(name);
    const wanted = (!include || include.has(name)) && !exclude.has(name);
    if (wanted && source.imagesOf(identity) >= minImages) chosen.push(identity);
    else if (wanted) remarks.add('passed over', tooFewImages(minImages), name);
    else if (exclude.has(name)) remarks.add('passed over', 'identities that were excluded', name);
  }
  check(missing.size === 0, () => ({
    where,
    what: 'include',
    got: [...missing].slice(0, 10),
    expected: `names of identities of ${source.name}, which has none of these ${missing.size}`,
  }));
  check(chosen.length >= 2, () => ({
    where,
    what: source.name,
    got: `${source.identities} identities, of which ${chosen.length} with at least ${minImages} image(s) are neither excluded nor missing from include`,
    expected: 'at least two that are left',
  }));
  return selectionOf(source, shared(chosen), [...(source.remarks ?? []), ...remarks.list()], specOf);
}

/** The reason that its remark gives for those left out by `minImages`. */
export const tooFewImages = (minImages: number): string => `identities with fewer than ${minImages} images`;

const inNfc = (name: string): string => name.normalize('NFC');

/**
 * @internal
 * @param chosen numbers of identities of the source, ascending.
 */
export function selectionOf(
  source: ImageSource,
  chosen: Float64Array,
  remarks: readonly SourceRemark[],
  specOf?: typeof builtInSpec,
): ImageSource {
  const spec = threadSpec(source);
  return builtIn({
    name: source.name,
    spec: spec && specOf?.('openSelection', { source: spec, chosen }),
    identities: chosen.length,
    remarks,
    imagesOf: (identity) => source.imagesOf(chosen[identity]!),
    identityName: (identity) => source.identityName(chosen[identity]!),
    load: (identity, image) => source.load(chosen[identity]!, image),
    draw: source.draw && ((identity, image, height, width) => source.draw!(chosen[identity]!, image, height, width)),
  });
}

/** What `selectImages` does, see there. */
export function imageSelection(
  source: ImageSource,
  chosen: (identity: number, count: number) => readonly number[],
  specOf?: typeof builtInSpec,
): ImageSource {
  const images: number[] = [];
  const ends: number[] = [];
  for (let identity = 0; identity < source.identities; identity++) {
    const own = chosen(identity, source.imagesOf(identity));
    const stranger = own.find((image) => !(Number.isInteger(image) && image >= 0 && image < source.imagesOf(identity)));
    check(stranger === undefined, () => ({
      where: 'selectImages',
      what: `an image of ${source.identityName(identity)}`,
      got: stranger,
      expected: `an integer in [0, ${source.imagesOf(identity) - 1}]`,
    }));
    for (const image of own) images.push(image);
    ends.push(images.length);
  }
  return imageSelectionOf(source, shared(images), shared(ends), specOf);
}

/** @internal */
export function imageSelectionOf(
  source: ImageSource,
  images: Float64Array,
  ends: Float64Array,
  specOf?: typeof builtInSpec,
): ImageSource {
  const { imagesOf, at } = groupedBy(source.name, ends);
  const chosen = (identity: number, image: number): number => images[at(identity, image)]!;
  const spec = threadSpec(source);
  return builtIn({
    name: source.name,
    spec: spec && specOf?.('openImageSelection', { source: spec, images, ends }),
    identities: source.identities,
    remarks: source.remarks,
    imageEnds: ends,
    imagesOf,
    identityName: (identity) => source.identityName(identity),
    load: async (identity, image) => source.load(identity, chosen(identity, image)),
    draw:
      source.draw &&
      (async (identity, image, height, width) => source.draw!(identity, chosen(identity, image), height, width)),
  });
}
