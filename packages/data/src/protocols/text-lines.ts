import { readFile } from 'node:fs/promises';
import { ProtomemError } from '@protomem/core';

/** A line of a text file that is not blank. */
export interface TextLine {
  /** From 1, as editors count. */
  readonly number: number;
  /** Without the line's end and blanks around it. */
  readonly text: string;
}

export async function readText(where: string, path: string, what: string): Promise<string> {
  return readFile(path, 'utf8').catch((error: Error) => {
    throw new ProtomemError(
      { where, what: path, got: `unreadable (${error.message})`, expected: what },
      { cause: error },
    );
  });
}

/** Lines of any system's making; a byte order mark is no part of the first. */
export function linesOf(text: string): TextLine[] {
  return text
    .replace(/^\uFEFF/, '')
    .split(/\r\n|\n|\r/)
    .map((line, i) => ({ number: i + 1, text: line.trim() }))
    .filter((line) => line.text !== '');
}

export function refuseLine(where: string, { number, text }: TextLine, expected: string): never {
  const got = text.length > 120 ? `${text.slice(0, 120)}…` : text;
  throw new ProtomemError({ where, what: `line ${number}`, got, expected });
}

/** Refuses a list without entries: an empty file is a failed download more often than a list of nothing. */
export function refuseEmpty(where: string, expected: string): never {
  throw new ProtomemError({
    where,
    what: 'the file',
    got: 'no entry',
    expected,
    fix: 'The file is empty or cut short; use another copy.',
  });
}

/**
 * The first fields of a line, which may hold blanks, and the last `count`, which do not, blanks between; undefined when
 * there are fewer. From the end, because an expression that looks for the last blanks from the front takes quadratic time.
 */
export function lastFields(text: string, count: number): readonly string[] | undefined {
  let rest = text;
  const fields: string[] = [];
  while (fields.length < count) {
    let start = rest.length;
    while (start > 0 && !isBlank(rest, start - 1)) start--;
    fields.unshift(rest.slice(start));
    rest = rest.slice(0, start).trimEnd();
    if (rest === '') return undefined;
  }
  return [rest, ...fields];
}

const isBlank = (text: string, at: number): boolean => /\s/.test(text.charAt(at));
