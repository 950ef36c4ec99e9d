import { resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { check, ProtomemError, Remarks } from '@protomem/core';
import { CsvError, type Options, parse } from 'csv-parse';
import { type StringTable, StringTableBuilder, stringAt, tableOf } from '../../sources/string-table.ts';
import { IdentityNumbers } from '../identity-numbers.ts';
import { groupByIdentity, Numbers } from '../packed-builder.ts';
import { BadRow, type ListColumns, type RowReader, rowsWithHeading, rowsWithoutHeading } from './list-columns.ts';
import type { ListIndex } from './list-index.ts';
import { foreignPrefix, localPath } from './local-path.ts';

/** Longest row, bytes: a quote that is never closed ends here. */
const MAX_ROW = 2 ** 16;

/** What csv-parse yields with option `info`. */
interface ParsedRow {
  readonly record: readonly string[];
  readonly info: { readonly lines: number };
}

/** A list as it was read, before anybody has looked for its files. */
export interface ParsedList {
  /** By row, in the order of the file. */
  readonly paths: StringTable;
  /** By row: where it ends in the file, from 1. */
  readonly lines: Uint32Array;
  readonly index: ListIndex;
}

/**
 * Parses a list while it is read: memory grows with the paths, not with the file.
 *
 * @param file its name: `.csv` has commas, `.tsv` tabs and quotes, `.lst` tabs and no quotes.
 * @param root what paths are relative to, and must not leave.
 * @param moved the root was named by the user: absolute paths may begin with the folders that it had elsewhere.
 */
export async function parseList(
  bytes: Readable,
  file: string,
  root: string,
  columns: ListColumns = {},
  moved = false,
): Promise<ParsedList> {
  const commas = /\.csv$/i.test(file);
  const options: Options = {
    delimiter: commas ? ',' : '\t',
    quote: /\.lst$/i.test(file) ? false : '"',
    bom: true,
    info: true,
    record_delimiter: ['\r\n', '\n', '\r'],
    relax_column_count: true,
    skip_empty_lines: true,
    // Writers of tabs mostly know no quotes: within a field they mean themselves.
    relax_quotes: !commas,
    max_record_size: MAX_ROW,
  };
  const rows = new Rows(file, resolve(root), columns, moved);
  const parser = parse(options);
  bytes.on('error', (error) => parser.destroy(error));
  try {
    for await (const { record, info } of bytes.pipe(parser) as AsyncIterable<ParsedRow>) rows.push(record, info.lines);
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    const what = `line ${error.lines}`;
    const expected = `a row of at most ${MAX_ROW} bytes, with quotes around whole fields or none`;
    throw new ProtomemError({ where: file, what, got: error.code, expected }, { cause: error });
  } finally {
    bytes.destroy();
  }
  return rows.build();
}

/** The rows of a list, collected. */
class Rows {
  private readonly paths = new StringTableBuilder();
  private readonly lines = new Numbers((size) => new Uint32Array(size));
  private readonly identity = new Numbers((size) => new Uint32Array(size));
  private readonly identities = new IdentityNumbers();
  private read: RowReader | undefined;
  private readonly file: string;
  private readonly root: string;
  private readonly columns: ListColumns;
  private readonly moved: boolean;
  /** What absolute paths begin with, where that is another machine's root. */
  private prefix: string | undefined;
  private readonly remarks = new Remarks();

  constructor(file: string, root: string, columns: ListColumns, moved: boolean) {
    this.file = file;
    this.root = root;
    this.columns = columns;
    this.moved = moved;
  }

  push(fields: readonly string[], line: number): void {
    if (!this.read) {
      this.read = rowsWithoutHeading(fields);
      if (!this.read) {
        this.read = rowsWithHeading(this.file, fields, this.columns);
        return;
      }
    }
    try {
      const row = this.read(fields);
      const found = this.localPath(row.path);
      if ('refused' in found) {
        throw new BadRow(found.refused, `a path within ${this.root}; \`root\` (--root) names another folder`);
      }
      const place = () => [this.file, `line ${line}`] as const;
      this.identity.push(this.identities.numberOf(row.label, row.identity, place));
      this.paths.push(found.path);
      this.lines.push(line);
    } catch (error) {
      if (!(error instanceof BadRow)) throw error;
      throw new ProtomemError({ where: this.file, what: `line ${line}`, got: error.got, expected: error.expected });
    }
  }

  private localPath(path: string): ReturnType<typeof localPath> {
    const found = localPath(this.root, path);
    if ('path' in found || !this.moved) return found;
    this.prefix ??= foreignPrefix(this.root, path);
    const slashes = path.replaceAll('\\', '/');
    if (this.prefix === undefined || !slashes.startsWith(this.prefix)) return found;
    this.remarks.add('assumed', `paths in which ${this.root} stands for ${this.prefix}`, path);
    return localPath(this.root, slashes.slice(this.prefix.length));
  }

  build(): ParsedList {
    const { file, root } = this;
    check(this.lines.used > 0, () => ({
      where: file,
      what: 'the list',
      got: 'without rows',
      expected: 'at least one',
    }));
    const { names, rank } = this.identities.ranked();
    const { imageEnds, order } = groupByIdentity(this.identity.array(), names.length, rank);
    const paths = this.paths.build();
    const grouped = new StringTableBuilder();
    for (const row of order) grouped.push(stringAt(paths, row));
    const index: ListIndex = {
      name: file,
      root,
      identities: tableOf(names),
      imageEnds,
      paths: grouped.build(),
      remarks: this.remarks.list(),
    };
    return { paths, lines: this.lines.array(), index };
  }
}
