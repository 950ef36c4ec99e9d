import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { escapeName, nameOfCell, printable, printableLines, shellWord, tableRow, unescapeName } from './text.ts';

/** Names of which many hold what is escaped, or what looks as if it were. */
const piece = fc.constantFrom(
  '=',
  "'",
  '@',
  '\t',
  '\n',
  '\r',
  '\x1b',
  '\x7f',
  '\x9b',
  '\\',
  '\\u001b',
  'u001b',
  '"',
  ',',
  'é',
  '李',
);
const names = fc.oneof(
  fc.array(piece).map((pieces) => pieces.join('')),
  fc.string({ unit: 'binary' }),
);

it.each([
  ['runs/lfw-2:a.npy', 'runs/lfw-2:a.npy'],
  ['my runs/x', '"my runs/x"'],
  ['C:\\my runs', '"C:\\my runs"'],
  ['', '""'],
  ["it's", `"it's"`],
  ['$HOME "b"!', `'$HOME "b"!'`],
  ["$it's", `'$it'\\''s'`],
  ['a\\\\b', "'a\\\\b'"],
  ['a\\', "'a\\'"],
])('shellWord of %j is one word of a shell', (word, expected) => {
  expect(shellWord(word)).toBe(expected);
});

describe('printable', () => {
  it('shows orders to a terminal, line ends, and marks that turn text around', () => {
    expect(printable('a\x1b[2J\x9b\x07\r\n\t\x7f\u2028\u202eb é李\u{1f600}')).toBe(
      'a\\u001b[2J\\u009b\\u0007\\u000d\\u000a\\u0009\\u007f\\u2028\\u202eb é李\u{1f600}',
    );
    expect(printableLines('a\tb\n\x1bc\r\n')).toBe('a\tb\n\\u001bc\\u000d\n');
  });

  it('leaves the value of JSON as it is', () => {
    fc.assert(
      fc.property(names, (name) => {
        expect(JSON.parse(printable(JSON.stringify([name])))).toEqual([name]);
      }),
    );
  });
});

describe('names in lists', () => {
  it('come back whatever they hold', () => {
    fc.assert(
      fc.property(names, (name) => {
        expect(unescapeName(escapeName(name))).toBe(name);
        expect(printable(escapeName(name))).toBe(escapeName(name));
      }),
    );
    expect(unescapeName('a\\u0041\\new')).toBe('a\\u0041\\new');
  });

  it('never begin a cell as a formula, and come back from it', () => {
    expect(tableRow(['=cmd()', '+1', '-1', '@a', "'=b", 'a, b', 'a"', -0.5, 'A=B'], ',')).toBe(
      `"'=cmd()","'+1","'-1","'@a","''=b","a, b","a""",-0.5,A=B\n`,
    );
    expect(tableRow(['\tx', '\n=1'], '\t')).toBe('\\u0009x\t\\u000a=1\n');
    fc.assert(
      fc.property(names, (name) => {
        const row = tableRow([name], '\t');
        expect(row).not.toMatch(/^"?[=+\-@]|[\t\r]|\n./);
        const cell = row.slice(0, -1);
        expect(nameOfCell(cell.startsWith('"') ? cell.slice(1, -1).replaceAll('""', '"') : cell)).toBe(name);
      }),
    );
  });
});
