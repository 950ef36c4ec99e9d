import { type ImageSource, printable, tableRow } from '@protomem/core';
import { writeFileAtomic } from '@protomem/core/node';
import { countImages, type ImagePlace, type Survey, surveyImages } from '@protomem/data';
import { withBar } from './command-line.ts';
import { stopOnInterrupt } from './interrupt.ts';

/** Identities, images, and how many identities have how many. */
export function printCounts(source: ImageSource): void {
  const { identities, images, histogram } = countImages(source);
  console.log(`${identities} identities, ${images} images`);
  const widest = Math.max(...histogram.map((bin) => bin.identities));
  for (const bin of histogram) {
    const bar = '#'.repeat(Math.ceil((40 * bin.identities) / widest));
    console.log(`${bin.images.padStart(12)} images: ${String(bin.identities).padStart(8)} identities ${bar}`);
  }
}

interface SurveyCommand {
  readonly decode: boolean;
  /** File for the list of problems. */
  readonly problems?: string;
}

/** Reads every image of a data set and prints what is there: kinds, broken files, images that are there twice. */
export async function survey(source: ImageSource, { decode, problems }: SurveyCommand): Promise<Survey> {
  const found = await withBar('images', (onProgress) =>
    surveyImages(source, { decode, onProgress, signal: stopOnInterrupt() }),
  );
  const { images, bytes, kinds, broken, duplicates } = found;
  console.log(`${images} images read, ${(bytes / 2 ** 20).toFixed(1)} MiB`);
  for (const { kind, images } of kinds.slice(0, 10)) console.log(`${String(images).padStart(12)} ${kind}`);
  if (kinds.length > 10) console.log(`             and ${kinds.length - 10} more formats and sizes`);
  const between = duplicates.filter((group) => group.some(({ identity }) => identity !== group[0]!.identity));
  const rows: string[][] = [];
  for (const one of broken) rows.push(['broken', await nameOf(source, one), one.reason]);
  for (const group of duplicates) {
    const [first, ...others] = await Promise.all(group.map((one) => nameOf(source, one)));
    rows.push([`same image${between.includes(group) ? ', other identity' : ''}`, first!, others.join(', ')]);
  }
  console.log(`${broken.length} broken${decode ? '' : ' (by their heads; "verify" decodes all)'}`);
  console.log(`${duplicates.length} images there more than once, ${between.length} of them under several identities`);
  const shown = problems === undefined ? 20 : 5;
  for (const row of rows.slice(0, shown)) console.log(`  ${printable(row.join('  '))}`);
  if (rows.length > shown)
    console.log(`  and ${rows.length - shown} more${problems ? '' : ': --problems FILE lists all'}`);
  if (problems !== undefined) {
    await writeFileAtomic(problems, 'problem\timage\tdetail\n', ...rows.map((row) => tableRow(row, '\t')));
  }
  return found;
}

/** What the source itself calls an image; for a file, its path. */
function nameOf(source: ImageSource, { identity, image }: ImagePlace): Promise<string> {
  const place = `${source.identityName(identity)}#${image}`;
  return source.load(identity, image).then(
    ({ name }) => name,
    () => place,
  );
}
