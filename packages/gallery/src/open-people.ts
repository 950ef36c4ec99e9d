import { stat } from 'node:fs/promises';
import { basename, extname } from 'node:path';
import { type ImageSource, ProtomemError } from '@protomem/core';
import { isFlatFolder, isImageFile, type OpenOptions, openImages } from '@protomem/data';

/** Images of people, and who is on each. */
export interface People {
  readonly source: ImageSource;
  /** @param image name of the image, as the source loads it. */
  personOf(identity: number, image: string): string;
}

/**
 * Opens images of people: an image; a folder with a folder for each person; a folder of images, each of somebody else; or a data
 * set of any other format.
 *
 * @param name of the one person on all of them. Default: the folder's name, or that of the file without its ending.
 */
export async function openPeople(path: string, name?: string, options: OpenOptions = {}): Promise<People> {
  const found = await stat(path).catch(() => undefined);
  const nobody =
    options.format === undefined && (found?.isFile() ? isImageFile(basename(path)) : await isFlatFolder(path));
  const source = await openImages(path, options);
  if (name !== undefined && source.identities > 1) {
    throw new ProtomemError({
      where: 'enrol',
      what: 'the name',
      got: name,
      expected: `no name: ${path} has images of ${source.identities} people`,
      fix: 'Name a folder of one person, or leave the name to the folders.',
    });
  }
  const personOf = (identity: number, image: string): string =>
    name ?? (nobody ? basename(image, extname(image)) : source.identityName(identity));
  return { source, personOf };
}
