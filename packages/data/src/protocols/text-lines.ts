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
