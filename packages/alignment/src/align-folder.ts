import { existsSync } from 'node:fs';
import { mkdir, open, readdir, readFile, stat } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import {
  check,
  createLimiter,
  firstLineOf,
  lookUp,
  type OptionsOf,
  option,
  ProtomemError,
  printable,
  Remarks,
  readOptions,
  type Settings,
  type SourceRemark,
  tableRow,
} from '@protomem/core';
import { checkNotHeld, isTemporary, refuseHeld, sweepTemporary, withLock, writeFileAtomic } from '@protomem/core/node';
import { alignOptions, alignPhoto } from './align-photo.ts';
import type { Detect, DetectedFace } from './detect.ts';
import { inOrder } from './in-order.ts';
import { readPhoto, readPhotoOptions, writers } from './photo.ts';
import { photoExtensions, photoFiles } from './photo-files.ts';
import { type AlignmentRecord, type AlignmentSettings, readRecords } from './record.ts';
import type { Photo } from './warp.ts';

/** Options of {@link alignFolder}. */
export const alignFolderOptions = {
  ...alignOptions,
  detect: option.given<Detect>()({ help: 'Finds faces.' }),
  detector: option.text({
    help: 'Names the detector in the record; a resumed alignment must have the same.',
    default: 'custom',
  }),
  /** JPEG of quality 95, 4:4:4. */
  format: option.choice(writers, { help: 'Format of the aligned images.', default: 'jpg' }),
  /** Without it, the folder must be new or empty. */
  resume: option.flag({ help: 'Go on in a folder that an alignment was begun in.', default: false }),
  /** Each takes 3 bytes while it is worked on. */
  maxPixels: readPhotoOptions.maxPixels,
  /** Bounds the memory. */
  ahead: option.integer({ help: 'Photos read ahead while a face is looked for.', min: 1, max: 64, default: 2 }),
  onProgress: option.given<(progress: AlignProgress) => void>()({
    help: 'Called after each photo.',
    absent: 'nothing',
  }),
  /** `resume` goes on. */
  signal: option.given<AbortSignal>()({ help: 'Ends the work after the photos under way.', absent: 'none' }),
};

/** How to align a folder. */
export type AlignFolderOptions = OptionsOf<typeof alignFolderOptions>;

/** How far an alignment is. */
export interface AlignProgress {
  /** Photos done, those of earlier runs among them. */
  readonly done: number;
  readonly total: number;
  /** Photos done in this run: what a speed is reckoned from. */
  readonly now: number;
}

/** What an alignment came to, all runs together: `alignment.json`. */
export interface AlignmentSummary {
  readonly settings: AlignmentSettings;
  /** False when it was ended early. */
  readonly finished: boolean;
  readonly photos: number;
  readonly aligned: number;
  /** Of the photos aligned, how many have more than one face. */
  readonly severalFaces: number;
  /** Photos without a usable face of which the centre was taken. */
  readonly centre: number;
  /** Photos left out, by reason; each is named in `left-out.tsv`. */
  readonly noFace: number;
  readonly badLandmarks: number;
  /** Their bytes are no image. */
  readonly unreadable: number;
  /** Their bytes could not be had, for now: not in the record, and tried again when the alignment is resumed. */
  readonly notRead: number;
  /** Mean distance of landmarks from the template (root mean square of each face), pixels; null without faces. */
  readonly meanError: number | null;
  /** Photos passed over because an earlier run did them. */
  readonly doneBefore: number;
  /** What was not taken for a photo, by reason, such as its ending. */
  readonly passedOver: readonly SourceRemark[];
}

const RECORD = 'alignment.jsonl';
const SUMMARY = 'alignment.json';
const LEFT_OUT = 'left-out.tsv';
const LOCK = '.lock';

/**
 * Aligns all photos below a folder into a folder of the same structure: `photos/Ada/1.png` becomes `out/Ada/1.jpg`.
 *
 * Beside the images it writes `alignment.jsonl` (the settings, then a line a photo: outcome, number of faces, landmarks of the one
 * taken, error of the fit), `alignment.json` (the returned summary) and `left-out.tsv` (photos without an aligned face,
 * each with the reason). `alignment.jsonl` is also what a resumed run goes by: photos in it are passed over,
 * whatever became of them. A photo whose file could not be read is not in it: a disk may be back by then.
 *
 * One photo is detected at a time and few are in memory; besides, it keeps the names of the photos that an earlier run did.
 *
 * One process works in `out` at a time; what a killed one left unfinished is removed at the start.
 *
 * @param dir folder of photos, commonly one folder an identity.
 * @param out folder to write; new or empty unless `resume`, and not inside `dir` or around it.
 * @throws {ProtomemError} when a folder or an option is not as it should be, or the detector fails: the error names the
 * photo. Unreadable photos do not throw.
 *
 * @example
 * ```ts
 * const summary = await alignFolder('photos', 'faces', { detect: await humanDetector(), detector: 'human' });
 * ```
 */
export async function alignFolder(dir: string, out: string, options: AlignFolderOptions): Promise<AlignmentSummary> {
  const where = 'alignFolder';
  const all = readOptions(where, alignFolderOptions, options);
  await checkNotHeld(join(out, LOCK), where, out);
  await checkFolders(where, dir, out, all.resume);
  await mkdir(out, { recursive: true });
  return withLock(join(out, LOCK), refuseHeld(where, out), async () => {
    // Another process may have been here before the lock was.
    await checkFolders(where, dir, out, all.resume);
    await sweepTemporary(out, { recursive: true });
    return align(where, dir, out, all);
  });
}

async function align(
  where: string,
  dir: string,
  out: string,
  all: Settings<typeof alignFolderOptions>,
): Promise<AlignmentSummary> {
  const { size, prefer, none, format, detector, detect, maxPixels, ahead, onProgress, signal } = all;
  const settings: AlignmentSettings = { size, format, prefer, none, detector };

  const counts = { aligned: 0, centre: 0, 'no-face': 0, 'bad-landmarks': 0, unreadable: 0, 'not-read': 0 };
  let severalFaces = 0;
  let errors = 0;
  const leftOut: string[] = [];
  const count = ({ file, outcome, faces = 0, error = 0, reason }: AlignmentRecord): void => {
    lookUp(RECORD, 'outcome', counts, outcome);
    counts[outcome]++;
    if (outcome === 'aligned' && faces > 1) severalFaces++;
    errors += error;
    if (outcome !== 'aligned') leftOut.push(tableRow([file, outcome, reason ?? ''], '\t'));
  };

  const recordPath = join(out, RECORD);
  const known = new Set<string>();
  if (existsSync(recordPath)) {
    await readRecords(recordPath, settings, (record) => {
      known.add(record.file);
      count(record);
    });
  } else {
    await writeFileAtomic(recordPath, `${JSON.stringify({ settings })}\n`);
  }

  let total = 0;
  const passedOver = new Remarks();
  for await (const found of photoFiles(dir)) {
    if ('output' in found) total++;
    else passedOver.add('passed over', found.reason, found.file);
  }
  check(total > 0, () => ({
    where,
    what: dir,
    got: 'a folder without photos',
    expected: `files that end in ${photoExtensions.join(', ')}`,
  }));

  const oneAtATime = createLimiter(1);
  const detectInTurn: Detect = (photo, file) => oneAtATime(() => facesIn(where, detect, photo, file));

  const work = async ({ file, output }: { file: string; output: string }): Promise<AlignmentRecord> => {
    const bytes = await readFile(join(dir, file)).catch(reasonBelow);
    if (typeof bytes === 'string') return { file, outcome: 'not-read', reason: bytes };
    const photo = await readPhoto(bytes, { name: file, maxPixels }).catch(reasonBelow);
    if (typeof photo === 'string') return { file, outcome: 'unreadable', reason: photo };
    const { image, outcome, ...rest } = await alignPhoto(photo, detectInTurn, { size, prefer, none, file });
    if (!image) return { file, outcome, ...rest };
    const path = `${output}.${format}`;
    await mkdir(dirname(join(out, path)), { recursive: true });
    await writeFileAtomic(join(out, path), await writers[format](image));
    return { file, outcome, output: path, ...rest };
  };

  const toDo = async function* () {
    for await (const found of photoFiles(dir)) {
      if (signal?.aborted) return;
      if ('output' in found && !known.has(found.file)) yield found;
    }
  };
  const record = await open(recordPath, 'a');
  let now = 0;
  try {
    for await (const line of inOrder(toDo(), ahead, work)) {
      if (line.outcome !== 'not-read') await record.appendFile(`${printable(JSON.stringify(line))}\n`);
      count(line);
      now++;
      onProgress?.({ done: known.size + now, total, now });
    }
    await record.sync();
  } finally {
    await record.close();
  }

  const summary: AlignmentSummary = {
    settings,
    finished: !signal?.aborted,
    photos: known.size + now,
    aligned: counts.aligned,
    severalFaces,
    centre: counts.centre,
    noFace: counts['no-face'],
    badLandmarks: counts['bad-landmarks'],
    unreadable: counts.unreadable,
    notRead: counts['not-read'],
    meanError: counts.aligned > 0 ? errors / counts.aligned : null,
    doneBefore: known.size,
    passedOver: passedOver.list(),
  };
  await writeFileAtomic(join(out, LEFT_OUT), `file\toutcome\treason\n`, ...leftOut);
  await writeFileAtomic(join(out, SUMMARY), `${JSON.stringify(summary, null, 2)}\n`);
  return summary;
}

/** What a detector finds in a photo; its errors say in which one. */
async function facesIn(where: string, detect: Detect, photo: Photo, file: string): Promise<readonly DetectedFace[]> {
  const what = `what the detector makes of ${file}`;
  const expected = 'an array of faces, each { landmarks: [[x, y], ... five] }';
  let faces: unknown;
  try {
    faces = await detect(photo, file);
  } catch (cause) {
    throw new ProtomemError({ where, what, got: `an error (${firstLineOf(cause)})`, expected }, { cause });
  }
  check(Array.isArray(faces), () => ({ where, what, got: faces, expected }));
  return faces;
}

/** What lies at the bottom of an error: its own message repeats the photo's name. */
function reasonBelow(error: unknown): string {
  return firstLineOf(error instanceof ProtomemError && error.cause ? error.cause : error);
}

async function checkFolders(where: string, dir: string, out: string, resume: boolean): Promise<void> {
  const found = await stat(dir).catch(() => undefined);
  check(found?.isDirectory() === true, () => ({
    where,
    what: dir,
    got: found ? 'a file' : 'missing',
    expected: 'a folder of photos',
  }));
  const inside = (inner: string, outer: string): boolean => {
    const path = relative(resolve(outer), resolve(inner));
    return (
      path === '' || !(path === '..' || path.startsWith('../') || path.startsWith('..\\') || resolve(path) === path)
    );
  };
  check(!inside(out, dir) && !inside(dir, out), () => ({
    where,
    what: 'the folder to write',
    got: out,
    expected: `a folder that is neither inside ${dir} nor around it`,
  }));
  const names = await readdir(out).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [] as string[];
    throw new ProtomemError({ where, what: out, got: error.message, expected: 'a folder' }, { cause: error });
  });
  const begun = names.includes(RECORD);
  if (names.every((name) => name === LOCK || isTemporary(name)) || (begun && resume)) return;
  throw new ProtomemError({
    where,
    what: out,
    got: begun ? 'a folder with an alignment in it' : 'a folder with other things in it',
    expected: 'a new or empty folder',
    fix: begun
      ? 'Go on with it by resume (--resume), or name another folder.'
      : 'Nothing is overwritten: name another folder.',
  });
}
