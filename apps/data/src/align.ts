import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import {
  type AlignFolderOptions,
  type AlignmentSummary,
  alignFolder,
  type Detect,
  humanDetector,
  landmarksFromFile,
} from '@protomem/alignment';
import { ProtomemError } from '@protomem/core';
import { type LoadEngineOptions, loadEngine } from '@protomem/engine';
import type { Command } from './command.ts';
import { parse, progressBar, refusal, stopOnInterrupt } from './command-line.ts';

const help = `Finds the face of each photo below a folder and writes it, aligned to the ArcFace template, into a folder of
the same structure: PHOTOS/Ada/1.png becomes OUT/Ada/1.jpg.

  npm run data -- align PHOTOS OUT [options]

  --faces largest|central   which face, where a photo has several (default largest)
  --none skip|centre        a photo without a face: leave it out, or scale its middle (default skip)
  --size N                  side of an aligned image, pixels (default 112)
  --format jpg|png          default jpg
  --min-score X             how sure the detector has to be, 0 to 1 (default 0.3)
  --landmarks FILE          landmarks from a .csv, .tsv, .json or .jsonl file in place of the detector
  --detector FILE           your own: a module that exports detect(photo, file), which returns faces with landmarks
  --engine NAME             of TensorFlow.js: auto, node, wasm, cpu (default auto)
  --max-pixels N            larger photos are left out as unreadable (default 100000000)
  --resume                  go on in OUT where an earlier run stopped; without it OUT has to be new
  --help                    this text

OUT also gets alignment.json (summary), alignment.jsonl (what became of each photo, with the landmarks; --landmarks reads it)
and left-out.tsv (photos without an aligned face, and why).
`;

const text = { type: 'string' } as const;
const options = {
  faces: text,
  none: text,
  size: text,
  format: text,
  'min-score': text,
  landmarks: text,
  detector: text,
  engine: text,
  'max-pixels': text,
  resume: { type: 'boolean' },
} as const;

type Values = ReturnType<typeof parse<typeof options>>['values'];

/** `npm run data -- align`. */
export const align: Command = {
  about: 'raw photos to aligned faces',
  help,
  async run(args) {
    const { values, positionals } = parse('align', args, options);
    const [photos, out, ...more] = positionals;
    if (photos === undefined || out === undefined || more.length > 0) {
      throw refusal('align', positionals.join(' ') || 'nothing', 'the folder of photos and the folder to write');
    }
    const { name, detect } = await openDetector(values);
    const bar = progressBar('photos');
    try {
      const summary = await alignFolder(photos, out, {
        // Names are checked where they are looked up.
        prefer: values.faces as AlignFolderOptions['prefer'],
        none: values.none as AlignFolderOptions['none'],
        format: values.format as AlignFolderOptions['format'],
        size: numeric(values.size),
        maxPixels: numeric(values['max-pixels']),
        detect,
        detector: name,
        resume: values.resume,
        signal: stopOnInterrupt(),
        onProgress: ({ done, total, now }) => {
          if (now === 1) bar.start(total, done - 1);
          bar.update(done);
        },
      });
      bar.stop();
      console.log(describe(summary, out));
      if (!summary.finished) process.exitCode = 130;
    } finally {
      bar.stop();
    }
  },
};

const numeric = (value: string | undefined): number | undefined => (value === undefined ? undefined : Number(value));

async function openDetector(values: Values): Promise<{ name: string; detect: Detect }> {
  const { landmarks, detector, engine: prefer = 'auto' } = values;
  if (landmarks !== undefined && detector !== undefined) {
    throw refusal('align', '--landmarks and --detector', 'one of them');
  }
  if (landmarks !== undefined) return { name: `file ${landmarks}`, detect: await landmarksFromFile(landmarks) };
  if (detector !== undefined) return { name: `module ${detector}`, detect: await importDetector(detector) };
  const { engine, device } = await loadEngine({ prefer: prefer as LoadEngineOptions['prefer'] });
  console.log(`engine: ${engine}, ${device}`);
  const minScore = numeric(values['min-score']) ?? 0.3;
  return { name: `human, score >= ${minScore}`, detect: await humanDetector({ minScore }) };
}

async function importDetector(file: string): Promise<Detect> {
  const module = (await import(pathToFileURL(resolve(file)).href)) as { detect?: unknown };
  if (typeof module.detect === 'function') return module.detect as Detect;
  throw new ProtomemError({
    where: 'align',
    what: `the export "detect" of ${file}`,
    got: module.detect === undefined ? 'missing' : typeof module.detect,
    expected: 'a function (photo, file) => [{ landmarks: [[x, y], ... five] }]',
  });
}

function describe(summary: AlignmentSummary, out: string): string {
  const { photos, aligned, severalFaces, centre, noFace, badLandmarks, unreadable, doneBefore, otherFiles } = summary;
  const others = Object.entries(otherFiles).map(([ending, count]) => `${count} ${ending || 'without ending'}`);
  const lines = [
    `${aligned} of ${photos} photos aligned${doneBefore > 0 ? ` (${doneBefore} photos were done before)` : ''}`,
    severalFaces > 0 ? `${severalFaces} of them show several faces; ${summary.settings.prefer} taken` : '',
    centre > 0 ? `${centre} without a face: their middle was taken` : '',
    noFace > 0 ? `${noFace} without a face` : '',
    badLandmarks > 0 ? `${badLandmarks} with landmarks that no face has` : '',
    unreadable > 0 ? `${unreadable} unreadable` : '',
    others.length > 0 ? `passed over, as no photos: ${others.join(', ')}` : '',
    centre + noFace + badLandmarks + unreadable > 0 ? `each is named in ${out}/left-out.tsv` : '',
    summary.finished ? '' : 'stopped early; go on with --resume',
  ];
  return lines.filter(Boolean).join('\n');
}
