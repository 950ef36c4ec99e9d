import { check, type ImageSource, integer } from '@protomem/core';
import { type DescribedSource, type SourceSpec, specOf } from './described-source.ts';
import { shared } from './string-table.ts';

/** Which identities of a source to take. */
export interface SelectionOptions {
  /** Identities with fewer images are left out. Default 1. */
  readonly minImages?: number;
  /** Only these identities, by name. Default: all. */
  readonly include?: Iterable<string>;
  /** Not these, such as the people of a test protocol. Names that the source does not have are ignored. Default: none. */
  readonly exclude?: Iterable<string>;
}

/** Some identities of another source. */
export interface Selection extends SourceSpec {
  readonly kind: 'selection';
  readonly source: SourceSpec;
  /** Numbers of the chosen identities in that source, ascending. */
  readonly chosen: Float64Array;
}

/**
 * Some identities of a source, numbered anew in the same order. Visits each identity once, so for sources with a list
 * of identities: not for a synthetic billion.
 *
 * @throws {ProtomemError} when `include` names somebody who is not there, or fewer than two identities are left.
 *
 * @example
 * ```ts
 * const { people } = await readLfwPairs('pairsDevTest.txt');
 * const train = selectIdentities(await recordIoSource('lfw/train.rec'), { minImages: 2, exclude: people });
 * ```
 */
export function selectIdentities(source: ImageSource, options: SelectionOptions = {}): ImageSource {
  const where = 'selectIdentities';
  const minImages = integer(where, 'minImages', options.minImages ?? 1, 1);
  const include = options.include && new Set(options.include);
  const exclude = new Set(options.exclude);
  const missing = new Set(include);
  const chosen: number[] = [];
  for (let identity = 0; identity < source.identities; identity++) {
    const name = source.identityName(identity);
    missing.delete(name);
    const wanted = (!include || include.has(name)) && !exclude.has(name);
    if (wanted && source.imagesOf(identity) >= minImages) chosen.push(identity);
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
  const selection = { chosen: shared(chosen) };
  const spec = specOf(source);
  const view = selectionOf(source, selection);
  const described: DescribedSource | undefined = spec && {
    ...view,
    spec: { kind: 'selection', source: spec, ...selection } as Selection,
  };
  return described ?? view;
}

/** @internal The identities `chosen` of a source. */
export function selectionOf(source: ImageSource, { chosen }: Pick<Selection, 'chosen'>): ImageSource {
  return {
    name: source.name,
    identities: chosen.length,
    imagesOf: (identity) => source.imagesOf(chosen[identity]!),
    identityName: (identity) => source.identityName(chosen[identity]!),
    load: (identity, image) => source.load(chosen[identity]!, image),
  };
}
