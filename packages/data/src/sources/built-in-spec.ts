import type { SourceSpec } from '@protomem/core';

const module = new URL(
  import.meta.url.endsWith('.ts') ? './built-in-sources.ts' : './built-in-sources.js',
  import.meta.url,
).href;

/** How a source of this package is opened again, by the name of an export of `built-in-sources.ts`. */
export const builtInSpec = (name: string, options: unknown): SourceSpec => ({ module, export: name, options });
