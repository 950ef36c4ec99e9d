import { check, ProtomemError } from '@protomem/core';
import { parse } from 'csv-parse/sync';
import { readIntegerRows } from './integer-rows.ts';
import { lastFields, linesOf, readText, refuseEmpty, refuseLine } from './text-lines.ts';

/** `ijbc_face_tid_mid.txt`: which image is in which template, from which media. */
export interface IjbMembers {
  /** Image files, below `loose_crop`. An image may be in several templates. */
  readonly images: readonly string[];
  readonly templates: Int32Array;
  readonly media: Int32Array;
}

/**
 * Reads IJB's list of `image template media` lines, blanks between; the image's name may hold blanks.
 *
 * @throws {ProtomemError} with file and line.
 *
 * Source: InsightFace, recognition/_evaluation_/ijb/ijb_11.py, `read_template_media_list`.
 *
 * @example
 * ```ts
 * const { images, templates, media } = await readIjbMembers('meta/ijbc_face_tid_mid.txt');
 * ```
 */
export async function readIjbMembers(path: string): Promise<IjbMembers> {
  const expected = '"image template media", such as "1.jpg 1 69544"';
  const lines = linesOf(await readText('readIjbMembers', path, expected));
  if (lines.length === 0) refuseEmpty(path, expected);
  const [images, templates, media] = [
    new Array<string>(lines.length),
    new Int32Array(lines.length),
    new Int32Array(lines.length),
  ];
  for (const [i, line] of lines.entries()) {
    const [image, template, medium] = lastFields(line.text, 2) ?? refuseLine(path, line, expected);
    if (!/^\d{1,9}$/.test(template!) || !/^-?\d{1,9}$/.test(medium!)) refuseLine(path, line, expected);
    images[i] = image!;
    templates[i] = Number(template);
    media[i] = Number(medium);
  }
  return { images, templates, media };
}

/** `ijbc_template_pair_label.txt`: pairs of templates. */
export interface IjbPairs {
  /** Template ids, `[P, 2]`. */
  readonly pairs: Int32Array;
  /** 1 for the same person. */
  readonly labels: Uint8Array;
}

/**
 * Reads IJB's list of `template template label` lines: 8 million of IJB-B, 15.7 million of IJB-C.
 *
 * Source: InsightFace, recognition/_evaluation_/ijb/ijb_11.py, `read_template_pair_list`.
 */
export async function readIjbPairs(path: string): Promise<IjbPairs> {
  const rows = await readIntegerRows(path, 3, '1 11065 1');
  const count = rows.length / 3;
  if (count === 0) refuseEmpty(path, '"template template label" lines');
  const [pairs, labels] = [new Int32Array(2 * count), new Uint8Array(count)];
  for (let i = 0; i < count; i++) {
    const label = rows[3 * i + 2]!;
    // Blank lines are rare enough that the pair's number is of use too.
    if (label !== 0 && label !== 1) {
      throw new ProtomemError({ where: path, what: `label of pair ${i + 1}`, got: label, expected: '1 or 0' });
    }
    pairs[2 * i] = rows[3 * i]!;
    pairs[2 * i + 1] = rows[3 * i + 1]!;
    labels[i] = label;
  }
  return { pairs, labels };
}

/** `ijbc_name_5pts_score.txt`: where each face is, and how sure the detector was. */
export interface IjbFaces {
  readonly images: readonly string[];
  /** x and y of eyes, nose and corners of the mouth in pixels of `loose_crop`, `[N, 10]`. */
  readonly landmarks: Float32Array;
  readonly scores: Float32Array;
}

/**
 * Reads IJB's landmarks and detector scores: `image x1 y1 ... x5 y5 score`.
 *
 * Source: InsightFace, recognition/_evaluation_/ijb/ijb_11.py, `get_image_feature`.
 */
export async function readIjbFaces(path: string): Promise<IjbFaces> {
  const expected = '"image x1 y1 x2 y2 x3 y3 x4 y4 x5 y5 score"';
  const lines = linesOf(await readText('readIjbFaces', path, expected));
  if (lines.length === 0) refuseEmpty(path, expected);
  const faces = {
    images: new Array<string>(lines.length),
    landmarks: new Float32Array(10 * lines.length),
    scores: new Float32Array(lines.length),
  };
  for (const [i, line] of lines.entries()) {
    const fields = line.text.split(/\s+/);
    const numbers = fields.slice(-11).map((field) => (/^[-+.\deE]+$/.test(field) ? Number(field) : Number.NaN));
    if (fields.length < 12 || !numbers.every(Number.isFinite)) refuseLine(path, line, expected);
    faces.images[i] = fields.slice(0, -11).join(' ');
    faces.landmarks.set(numbers.slice(0, 10), 10 * i);
    faces.scores[i] = numbers[10]!;
  }
  return faces;
}

/** `ijbc_1N_gallery_G1.csv`, `ijbc_1N_probe_mixed.csv`: whose template is which. */
export interface IjbSubjects {
  /** Each template once, in order of appearance. */
  readonly templates: Int32Array;
  readonly subjects: Int32Array;
}

/**
 * Reads a gallery or probe list of IJB's 1:N protocol: a table with the columns `TEMPLATE_ID` and `SUBJECT_ID`, one row
 * for each image. Other columns are passed over.
 *
 * @throws {ProtomemError} when a column is missing, a value is no integer, or a template has two subjects.
 *
 * Source: InsightFace, recognition/_evaluation_/ijb/ijb_1n.py, `read_template_subject_id_list`.
 */
export async function readIjbSubjects(path: string): Promise<IjbSubjects> {
  const text = await readText('readIjbSubjects', path, 'a table with TEMPLATE_ID and SUBJECT_ID');
  let rows: { record: Record<string, string>; info: { lines: number } }[];
  try {
    rows = parse(text, {
      ...{ bom: true, columns: true, info: true, skip_empty_lines: true },
      // What is longer is no row, and a line of blanks takes the parser quadratic time.
      ...{ trim: true, max_record_size: 2 ** 12 },
    });
  } catch (error) {
    const [got, expected] = [(error as Error).message, 'comma separated values'];
    throw new ProtomemError({ where: path, what: 'the table', got, expected }, { cause: error });
  }
  if (rows.length === 0) refuseEmpty(path, 'a header and a row for each image');
  const header = Object.keys(rows[0]!.record);
  for (const column of ['TEMPLATE_ID', 'SUBJECT_ID']) {
    check(header.includes(column), () => ({
      where: path,
      what: 'line 1',
      got: text.slice(0, text.search(/[\r\n]|$/)),
      expected: `a column ${column}`,
      fix: 'The list has lost its header, or it is another list.',
    }));
  }
  const subjectOf = new Map<number, number>();
  for (const { record, info } of rows) {
    const [template, subject] = ['TEMPLATE_ID', 'SUBJECT_ID'].map((column) => {
      const value = record[column]!;
      const line = { number: info.lines, text: `${column} ${value}` };
      return /^\d{1,9}$/.test(value) ? Number(value) : refuseLine(path, line, 'integers');
    }) as [number, number];
    const known = subjectOf.get(template) ?? subject;
    if (known !== subject) {
      refuseLine(
        path,
        { number: info.lines, text: `template ${template} of subject ${subject}` },
        `subject ${known}, as before`,
      );
    }
    subjectOf.set(template, subject);
  }
  return { templates: Int32Array.from(subjectOf.keys()), subjects: Int32Array.from(subjectOf.values()) };
}
