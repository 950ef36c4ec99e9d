import type { ImageSource } from '@protomem/core';
import { writeFileAtomic } from '@protomem/core';
import {
  compareSources,
  countImages,
  type DatasetFormatName,
  type ImagePlace,
  openDataset,
  type Survey,
  surveyImages,
} from '@protomem/data';
import type { Command } from './command.ts';
import { parse, refusal, stopOnInterrupt, withBar } from './command-line.ts';

const text = { type: 'string' } as const;
const options = { from: text, problems: text } as const;

/** `npm run data -- inspect`. */
export const inspect: Command = {
  about: 'what a data set holds',
  help: `Tells what a data set holds: identities, images of each, sizes, broken files, images that are there twice.

  npm run data -- inspect PATH [options]

  --counts          only count: read no image
  --from NAME       format of PATH (default: found out from what is there)
  --problems FILE   write broken and repeated images to a tab-separated file
  --help            this text

Reads every file, but decodes only its head; "verify" decodes all.
`,
  async run(args) {
    const { values, positionals } = parse('inspect', args, { ...options, counts: { type: 'boolean' } });
    const source = await open('inspect', positionals, values.from);
    printCounts(source);
    if (!values.counts) await survey(source, { decode: false, problems: values.problems, signal: stopOnInterrupt() });
  },
};

/** `npm run data -- verify`. */
export const verify: Command = {
  about: 'decode every image of a data set',
  help: `Reads and decodes every image of a data set; ends with status 1 when some are broken.

  npm run data -- verify PATH [options]

  --against OTHER   compare with another data set, image by image: bytes, or pixels where bytes differ
  --from NAME       format of PATH (default: found out from what is there)
  --problems FILE   write broken and repeated images to a tab-separated file
  --help            this text
`,
  async run(args) {
    const { values, positionals } = parse('verify', args, { ...options, against: text });
    const source = await open('verify', positionals, values.from);
    const signal = stopOnInterrupt();
    const { broken } = await survey(source, { decode: true, problems: values.problems, signal });
    if (broken.length > 0) process.exitCode = 1;
    if (values.against !== undefined) await compare(source, await openDataset(values.against), signal);
  },
};

function open(command: string, [path, ...more]: readonly string[], format: string | undefined): Promise<ImageSource> {
  if (path === undefined || more.length > 0) {
    throw refusal(command, [path, ...more].join(' ') || 'nothing', 'one data set');
  }
  return openDataset(path, { format: format as DatasetFormatName | undefined });
}

function printCounts(source: ImageSource): void {
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
  readonly problems: string | undefined;
  readonly signal: AbortSignal;
}

async function survey(source: ImageSource, { decode, problems, signal }: SurveyCommand): Promise<Survey> {
  const found = await withBar('images', (onProgress) => surveyImages(source, { decode, onProgress, signal }));
  const { images, bytes, kinds, broken, duplicates } = found;
  console.log(`${images} images read, ${(bytes / 2 ** 20).toFixed(1)} MiB`);
  for (const { kind, images } of kinds.slice(0, 10)) console.log(`${String(images).padStart(12)} ${kind}`);
  if (kinds.length > 10) console.log(`             and ${kinds.length - 10} more formats and sizes`);
  const between = duplicates.filter((group) => group.some(({ identity }) => identity !== group[0]!.identity));
  const lines: string[] = [];
  for (const one of broken) lines.push(`broken\t${await nameOf(source, one)}\t${one.reason}`);
  for (const group of duplicates) {
    const [first, ...others] = await Promise.all(group.map((one) => nameOf(source, one)));
    lines.push(`same image${between.includes(group) ? ', other identity' : ''}\t${first}\t${others.join(', ')}`);
  }
  console.log(`${broken.length} broken${decode ? '' : ' (by their heads; "verify" decodes all)'}`);
  console.log(`${duplicates.length} images there more than once, ${between.length} of them under several identities`);
  const shown = problems === undefined ? 20 : 5;
  for (const line of lines.slice(0, shown)) console.log(`  ${line.replaceAll('\t', '  ')}`);
  if (lines.length > shown)
    console.log(`  and ${lines.length - shown} more${problems ? '' : ': --problems FILE lists all'}`);
  if (problems !== undefined) await writeFileAtomic(problems, `problem\timage\tdetail\n${lines.join('\n')}\n`);
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

async function compare(source: ImageSource, other: ImageSource, signal: AbortSignal): Promise<void> {
  const { images, sameBytes, differences } = await withBar('images', (onProgress) =>
    compareSources(source, other, { onProgress, signal }),
  );
  console.log(`${images} images compared, ${sameBytes} with the same bytes`);
  for (const difference of differences) console.log(`  ${difference}`);
  if (differences.length > 0) process.exitCode = 1;
  else console.log('no difference');
}
