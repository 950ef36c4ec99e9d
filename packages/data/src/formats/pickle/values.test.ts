import { expect, it } from 'vitest';
import { integerOf, NumpyArray, NumpyType, Span } from './values.ts';

it.each([
  ['i1', [0xff], -1],
  ['i1', [0x7f], 127],
  ['i2', [0x18, 0xfc], -1000],
  ['i4', [0xff, 0xff, 0xff, 0xff], -1],
  ['u1', [0xff], 255],
  ['u4', [0xff, 0xff, 0xff, 0xff], 2 ** 32 - 1],
  ['b1', [1], 1],
  ['i8', [1, 2, 0, 0, 0, 0, 0, 0], 513],
  ['i8', [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], undefined],
  ['i4', [1, 0], undefined],
  ['f4', [0, 0, 128, 63], undefined],
] as const)('reads a number of numpy, %s of %j, as %s', (code, bytes, value) => {
  const data = new Span('bytes', 0, bytes.length, String.fromCharCode(...bytes));
  expect(integerOf(new NumpyArray(new NumpyType(code), data))).toBe(value);
});
