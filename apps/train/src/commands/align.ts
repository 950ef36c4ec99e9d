import { type AlignmentSummary, alignFolder, alignFolderOptions } from '@protomem/alignment';
import { type OptionsOf, remarkLines } from '@protomem/core';
import { loadEngine } from '@protomem/engine';
import { command, declaredFlags, progressBar, toNumber } from '../command-line.ts';
import { openDetector } from '../detector.ts';
import { stopCode, stopOnInterrupt } from '../interrupt.ts';

const out = `
OUT gets photos in the structure of PHOTOS (PHOTOS/Ada/1.png becomes OUT/Ada/1.jpg), alignment.json (summary),
alignment.jsonl (what became of each photo, with the landmarks; --landmarks reads it) and left-out.tsv (photos without an
aligned face, and why).`;

const { prefer: faces, none, size, format, maxPixels } = alignFolderOptions;
const declared = { faces, none, size, format, maxPixels, engine: loadEngine.options.prefer };

/** `protomem align`. */
export function make() {
  const about = 'Finds the face of each photo below a folder and writes it, aligned to the ArcFace template.';
  const made = command('align', about)
    .argument('<photos>', 'folder of photos')
    .argument('<out>', 'folder to write; new unless --resume')
    .option('--min-score <x>', 'how sure the detector has to be, 0 to 1 (default: 0.3)', toNumber)
    .option('--landmarks <file>', 'landmarks from a .csv, .tsv, .json or .jsonl file in place of the detector')
    .option(
      '--detector <file>',
      'your own: a module that exports detect(photo, file), which returns faces with landmarks',
    )
    .option('--resume', 'go on in OUT where an earlier run stopped')
    .addHelpText('after', out)
    .action(async (photos, out, given) => {
      const { faces: prefer, ...options } = given as typeof given & OptionsOf<typeof declared>;
      const { none, size, format, maxPixels, resume } = options;
      const { name, detect } = await openDetector('align', options);
      const bar = progressBar('photos');
      try {
        const summary = await alignFolder(photos, out, {
          ...{ prefer, none, size, format, maxPixels, resume, detect },
          detector: name,
          signal: stopOnInterrupt(),
          onProgress: ({ done, total, now }) => {
            if (now === 1) bar.start(total, done - 1);
            bar.update(done);
          },
        });
        bar.stop();
        console.log(describe(summary, out));
        if (!summary.finished) process.exitCode = stopCode();
      } finally {
        bar.stop();
      }
    });
  for (const flag of declaredFlags('align', declared)) made.addOption(flag);
  return made;
}

function describe(summary: AlignmentSummary, out: string): string {
  const { photos, aligned, severalFaces, centre, noFace, badLandmarks, unreadable, notRead, doneBefore, passedOver } =
    summary;
  const lines = [
    `${aligned} of ${photos} photos aligned${doneBefore > 0 ? ` (${doneBefore} photos were done before)` : ''}`,
    severalFaces > 0 ? `${severalFaces} of them show several faces; ${summary.settings.prefer} taken` : '',
    centre > 0 ? `${centre} without a face: their middle was taken` : '',
    noFace > 0 ? `${noFace} without a face` : '',
    badLandmarks > 0 ? `${badLandmarks} with landmarks that no face has` : '',
    unreadable > 0 ? `${unreadable} unreadable` : '',
    notRead > 0 ? `${notRead} not read, of a disk that may be back: --resume tries them again` : '',
    ...remarkLines(passedOver),
    centre + noFace + badLandmarks + unreadable + notRead > 0 ? `each is named in ${out}/left-out.tsv` : '',
    summary.finished ? '' : 'stopped early; go on with --resume',
  ];
  return lines.filter(Boolean).join('\n');
}
