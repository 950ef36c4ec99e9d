import type { ImageSource, SourceSpec } from '@protomem/core';

/** Sources of this package by their specs. */
const ours = new WeakMap<SourceSpec, ImageSource>();

/** Notes a source of this package. */
export function builtIn(source: ImageSource): ImageSource {
  if (source.spec) ours.set(source.spec, source);
  return source;
}

/** How a thread opens a source: not at all, where it is a copy of one of ours with functions of the caller's own. */
export function threadSpec({ spec, load, draw }: ImageSource): SourceSpec | undefined {
  const made = spec && ours.get(spec);
  return made && (made.load !== load || made.draw !== draw) ? undefined : spec;
}
