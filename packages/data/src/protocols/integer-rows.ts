import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { ProtomemError } from '@protomem/core';

const [TAB, LINE_FEED, RETURN, SPACE, COMMA, MINUS, ZERO, NINE] = [9, 10, 13, 32, 44, 45, 48, 57];

/**
 * Rows of integers with blanks or commas between, straight from the bytes: lists of 15.7 million pairs take seconds and
 * 4 bytes a number. Blank lines are passed over; any line end will do.
 *
 * @returns `[rows, columns]`, row-major.
 * @throws {ProtomemError} with the line of whatever is not an integer of 32 bits, or of a row that is too short or long.
 */
export async function readIntegerRows(path: string, columns: number, example: string): Promise<Int32Array> {
  let values = new Int32Array(1024 * columns);
  let [used, line, inRow, value, digits, sign] = [0, 1, 0, 0, 0, 1];
  const refuse = (got: string): never => {
    throw new ProtomemError({
      where: path,
      what: `line ${line}`,
      got,
      expected: `${columns} integers, such as "${example}"`,
    });
  };
  const endNumber = (): void => {
    if (digits === 0) {
      if (sign === -1) refuse('a minus without digits');
      return;
    }
    if (inRow === columns) refuse(`more than ${columns} integers`);
    if (value > 2 ** 31 - 1) refuse(`${sign * value}`);
    if (used === values.length) {
      const larger = new Int32Array(2 * used);
      larger.set(values);
      values = larger;
    }
    values[used++] = sign * value;
    inRow++;
    [value, digits, sign] = [0, 0, 1];
  };
  const endRow = (): void => {
    endNumber();
    if (inRow !== 0 && inRow !== columns) refuse(`${inRow} integers`);
    inRow = 0;
  };
  let [before, first] = [0, true];
  const found = await stat(path).catch(() => undefined);
  // A buffer no larger than the file.
  const highWaterMark = Math.min(2 ** 20, (found?.size ?? 0) + 1);
  try {
    for await (const chunk of createReadStream(path, { highWaterMark }) as AsyncIterable<Buffer>) {
      const start = first && chunk[0] === 0xef && chunk[1] === 0xbb && chunk[2] === 0xbf ? 3 : 0;
      first = false;
      for (let i = start; i < chunk.length; i++) {
        const byte = chunk[i]!;
        if (byte >= ZERO && byte <= NINE) {
          value = 10 * value + byte - ZERO;
          digits++;
        } else if (byte === LINE_FEED) {
          // The second half of \r\n ends no line of its own.
          if (before !== RETURN) {
            endRow();
            line++;
          }
        } else if (byte === RETURN) {
          endRow();
          line++;
        } else if (byte === SPACE || byte === TAB || byte === COMMA) endNumber();
        else if (byte === MINUS && digits === 0 && sign === 1) sign = -1;
        else refuse(`the character ${String.fromCharCode(byte)}`);
        before = byte;
      }
    }
  } catch (error) {
    if (error instanceof ProtomemError) throw error;
    throw new ProtomemError(
      { where: 'readIntegerRows', what: path, got: (error as Error).message, expected: `rows of ${columns} integers` },
      { cause: error },
    );
  }
  endRow();
  return values.slice(0, used);
}
