/**
 * Characters that a terminal, an editor or a table takes for orders: control characters, line separators, marks that
 * turn the direction of text around, and halves of surrogate pairs, which UTF-8 cannot hold.
 */
const CONTROLS = '\\p{Cc}\\p{Cs}\\u2028\\u2029\\u202a-\\u202e\\u2066-\\u2069';
const controls = new RegExp(`[${CONTROLS}]`, 'gu');
const controlsInLines = new RegExp(`(?![\\n\\t])[${CONTROLS}]`, 'gu');
/** What {@link escapeName} replaces, and what it would be taken for. */
const toEscape = new RegExp(`[${CONTROLS}]|\\\\(?=u[0-9a-f]{4})`, 'gu');

const escaped = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;

/**
 * Text for one line of a terminal, page or list: control characters as `\u001b`, so that nothing from a file reaches a
 * terminal as an order. Of JSON text, it is JSON of the same value.
 */
export const printable = (text: string): string => text.replace(controls, escaped);

/** {@link printable} for text of several lines, whose line feeds and tabs stay. */
export const printableLines = (text: string): string => text.replace(controlsInLines, escaped);

/** {@link printable}, but so that {@link unescapeName} gives the name back: for lists that are read again. */
export const escapeName = (name: string): string => name.replace(toEscape, escaped);

/** The name that {@link escapeName} wrote. What only looks like an escape, of a letter or digit, stays as it is. */
export function unescapeName(text: string): string {
  return text.replace(/\\u([0-9a-f]{4})/g, (all, digits) => {
    const character = String.fromCharCode(Number.parseInt(digits, 16));
    return character === '\\' || escapeName(character) !== character ? character : all;
  });
}

/**
 * A word of a command to be typed, in quotes where it needs them: those that every shell has where they do, else those of
 * POSIX shells.
 *
 * @example
 * ```ts
 * shellWord('my runs/x'); // "my runs/x"
 * ```
 */
export function shellWord(word: string): string {
  if (/^[\w@%+=:,./-]+$/.test(word)) return word;
  // Within double quotes, a backslash counts before another one and before the end.
  return /^([^"$`!\\]|\\(?!\\|$))*$/.test(word) ? `"${word}"` : `'${word.replaceAll("'", "'\\''")}'`;
}

/** Begins what a spreadsheet runs as a formula, perhaps behind quotes that say that it is none. */
const formula = /^'*[=+\-@＝＋－＠]/u;

/**
 * A row of a `.csv` or `.tsv` file: control characters escaped as by {@link escapeName}, a cell that a spreadsheet would
 * run as a formula behind a `'`, and quotes where they are needed. Numbers are written as they are.
 *
 * @example
 * ```ts
 * tableRow(['=cmd()', 'Ada, the first', 0.5], ','); // "'=cmd()","Ada, the first",0.5
 * ```
 */
export function tableRow(cells: readonly (string | number)[], separator: ',' | '\t'): string {
  const needsQuotes = separator === ',' ? /[",;]|^\s|\s$/ : /"|^\s|\s$/;
  const cell = (value: string | number): string => {
    if (typeof value === 'number') return String(value);
    const text = cellOfName(value);
    return formula.test(value) || needsQuotes.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return `${cells.map(cell).join(separator)}\n`;
}

/** A name as the content of a cell, whose quotes are another matter. */
export const cellOfName = (name: string): string => escapeName(formula.test(name) ? `'${name}` : name);

/** The name that {@link cellOfName} wrote, and {@link tableRow} with it. */
export const nameOfCell = (cell: string): string =>
  unescapeName(/^'+[=+\-@＝＋－＠]/u.test(cell) ? cell.slice(1) : cell);
