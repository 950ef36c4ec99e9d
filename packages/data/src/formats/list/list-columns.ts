import { nameOfCell, type OptionsOf, option, ProtomemError } from '@protomem/core';
import { plainNumber } from '../identity-numbers.ts';

/** Columns of a list by name; of each one that is not given, the usual names are looked for. */
export const listColumns = {
  path: option.text({ help: "The image's path.", absent: '`path`, `file`, `filename`, `image` or such' }),
  identity: option.text({
    help: 'Name of the identity.',
    absent: '`identity`, `person`, `subject`, `class` or such',
  }),
  label: option.text({ help: 'Number of the identity.', absent: '`label`, `class_id` or `target`' }),
};

/** Names of columns. */
export type ListColumns = OptionsOf<typeof listColumns>;

/** What a row says. */
interface ListRow {
  readonly path: string;
  readonly label: string;
  /** Name of the identity besides the label. */
  readonly identity?: string | undefined;
}

/** Takes a row apart; throws what is wrong with it as a {@link BadRow}. */
export type RowReader = (fields: readonly string[]) => ListRow;

/** What is wrong with a row; the caller knows file and line. */
export class BadRow extends Error {
  readonly got: string;
  readonly expected: string;

  constructor(got: string, expected: string) {
    super(`${got}, expected ${expected}`);
    this.got = got;
    this.expected = expected;
  }
}

/** Names that columns usually have, whatever their case; `_` stands for a blank or hyphen, too. */
const usual: Readonly<Record<keyof ListColumns, readonly string[]>> = {
  path: ['path', 'file', 'filename', 'file_name', 'filepath', 'file_path', 'image', 'image_path', 'img', 'img_path'],
  identity: ['identity', 'person', 'subject', 'class', 'identity_id', 'person_id', 'subject_id', 'class_name'],
  label: ['label', 'class_id', 'target'],
};

/** Reads rows below a heading. */
export function rowsWithHeading(file: string, heading: readonly string[], columns: ListColumns): RowReader {
  const plain = heading.map((name) => name.trim().toLowerCase().replace(/[ -]/g, '_'));
  const find = (column: keyof ListColumns): number => {
    const own = columns[column];
    if (own === undefined) return usual[column].map((name) => plain.indexOf(name)).find((at) => at >= 0) ?? -1;
    const at = heading.indexOf(own);
    return at >= 0 ? at : refuse(file, heading, `a column "${own}", as \`columns\` (--columns) says`);
  };
  const [path, identity, label] = [find('path'), find('identity'), find('label')];
  if (path < 0) refuse(file, heading, `a heading with the column of the path: one of ${usual.path.join(', ')}`);
  if (identity < 0 && label < 0) {
    const names = [...usual.identity, ...usual.label].join(', ');
    refuse(file, heading, `a heading with a column that says who it is: one of ${names}`);
  }
  return (fields) => {
    if (fields.length !== heading.length) {
      throw new BadRow(
        `${fields.length} fields`,
        `${heading.length}, as in the heading; a comma in a field needs quotes`,
      );
    }
    // As `writeList` writes names.
    const name = nameOfCell(fields[identity] ?? '') || undefined;
    const number = plainNumber(nameOfCell(fields[label] ?? '') || undefined);
    const row = { path: fields[path]!, label: number ?? (label < 0 ? name : undefined), identity: number && name };
    if (row.label === undefined)
      throw new BadRow('a row without identity', `one in column "${heading[label < 0 ? identity : label]}"`);
    return row as ListRow;
  };
}

/**
 * Reads rows without heading: `index, label, path` as MXNet's im2rec, or `number, path, label` as CVLface and InsightFace,
 * behind which landmarks may follow; undefined when the first row is neither.
 */
export function rowsWithoutHeading(first: readonly string[]): RowReader | undefined {
  const [number, second, third] = first;
  if (number === undefined || second === undefined || third === undefined || !isNumber(number)) return undefined;
  if (!isNumber(second)) return isLabel(third) ? withPathSecond : undefined;
  return withPathLast;
}

const withPathSecond: RowReader = ([, path, label]) => {
  if (path === undefined || !isLabel(label)) throw new BadRow(`label ${label}`, 'number, path and label, tabs between');
  return { path, label: plainNumber(label) };
};

const withPathLast: RowReader = (fields) => {
  const [, label, path] = fields;
  if (fields.length !== 3 || path === undefined || !isLabel(label)) {
    throw new BadRow(
      fields.length > 3 ? `${fields.length - 2} labels` : `label ${label}`,
      'index, one label (the number of the identity) and path, tabs between',
    );
  }
  return { path, label: plainNumber(label) };
};

function isNumber(field: string): boolean {
  return /^[+-]?\d{1,20}(\.\d{0,40})?$/.test(field);
}

function isLabel(field: string | undefined): field is string {
  return field !== undefined && /^\d{1,15}(\.0*)?$/.test(field);
}

function refuse(where: string, got: readonly string[], expected: string): never {
  const fix =
    'Name the columns with `columns` (--columns path=...,identity=...). Lists without heading are those of MXNet and CVLface.';
  throw new ProtomemError({ where, what: 'line 1', got, expected, fix });
}
