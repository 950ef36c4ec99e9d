import { type ImageSource, lookUp, type SourceSpec } from '@protomem/core';

/** The source that a description stands for. */
export async function openSource({ module, export: name, options }: SourceSpec): Promise<ImageSource> {
  const exports: Readonly<Record<string, (options: unknown) => ImageSource | Promise<ImageSource>>> = await import(
    module
  );
  return lookUp('openSource', `the export of ${module}`, exports, name)(options);
}
