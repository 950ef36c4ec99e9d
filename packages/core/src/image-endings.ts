/** The part of sharp's list of formats that matters here. */
type Formats = Readonly<
  Record<string, { readonly input: { readonly buffer?: boolean; readonly fileSuffix?: readonly string[] } }>
>;

/** Endings that every build of sharp reads. */
const everywhere = ['.jpg', '.jpeg', '.jpe', '.jfif', '.png', '.webp', '.avif', '.gif', '.tif', '.tiff'];
/** Endings that some builds read, by the name of the reader that it takes. */
const somewhere: Readonly<Record<string, readonly string[]>> = {
  heif: ['.heic', '.heif'],
  jp2: ['.jp2'],
  jxl: ['.jxl'],
  magick: ['.bmp'],
  ppm: ['.ppm', '.pgm', '.pbm', '.pnm'],
};

/**
 * Endings of the files that are taken for images, in lower case: one rule for all sources and for alignment.
 *
 * @param formats of the sharp at hand, `sharp.format`: HEIC, BMP or PPM are images where it reads them.
 */
export function imageEndings(formats: Formats): readonly string[] {
  const reads = (reader: string, ending: string): boolean => {
    const { buffer, fileSuffix = [] } = formats[reader]?.input ?? {};
    // ImageMagick names no endings, since it reads nearly all.
    return buffer === true && (fileSuffix.includes(ending) || fileSuffix.length === 0);
  };
  const more = Object.entries(somewhere).flatMap(([reader, all]) => all.filter((ending) => reads(reader, ending)));
  return [...everywhere, ...more];
}

/** Why a file that does not end like an image is not read; the same words for all sources. */
export function endingReason(name: string): string {
  const [ending] = /\.[^./\\]*$/.exec(name.slice(1)) ?? [''];
  if (ending === '') return 'files without an ending';
  return /^\.[a-z0-9]{1,6}$/i.test(ending) ? `files that end in ${ending.toLowerCase()}` : 'files with odd endings';
}

/** Why other things are not read; likewise. */
export const unreadReasons = {
  hidden: 'names that begin with a dot',
  nowhere: 'links that lead nowhere',
  special: 'things that are neither files nor folders',
  forbidden: 'folders that may not be read',
} as const;
