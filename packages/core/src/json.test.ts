import { describe, expect, it } from 'vitest';
import { checkShape, parseJson } from './json.ts';

const place = { where: 'x.json', what: 'its text' };

describe('parseJson', () => {
  it('gives what JSON.parse gives', () => {
    for (const text of ['{"a":[1,{"a":"}{:\\\\\\""}],"b":{"a":null}}', '"a:b"', '[{"a":1},{"a":1}]', ' 1 ']) {
      expect(parseJson(text, place)).toEqual(JSON.parse(text));
    }
  });

  it.each([
    ['no JSON', '{"a":', /^x\.json: its text is "\{"a":", expected JSON \(.*\)\.$/],
    ['nothing', '', /is "", expected JSON/],
    ['a bad key', '{"\\x":1}', /expected JSON/],
    ['an open string', '{"a', /expected JSON/],
    [
      'a key twice',
      '{"a":{"b":1,\n"c":2,"b" \n:3}}',
      /is "a key twice: b", expected JSON with each key of an object once/,
    ],
    ['lists nested a million deep', '['.repeat(1e6) + ']'.repeat(1e6), /is "nested too deep"/],
    ['objects nested a million deep', '{"a":'.repeat(1e6), /is "nested too deep"/],
  ])('refuses %s in one line', (_, text, message) => expect(() => parseJson(text, place)).toThrow(message));

  it('is not held up by a text of a megabyte of quotes, backslashes or blanks', () => {
    for (const text of ['"\\', '\\"', '" ', '"" ', '"":']) {
      expect(() => parseJson(`{${text.repeat(2 ** 20 / text.length)}`, place)).toThrow('expected JSON');
    }
  });
});

describe('checkShape', () => {
  const shape = { step: 'number', 'names?': ['text'], inner: { list: [['number']] } } as const;
  const right = { step: 1, inner: { list: [[1, null], []] }, more: {} };

  it('takes what has the shape, and more', () => {
    checkShape(right, shape, 'x');
    checkShape({ ...right, names: ['a'] }, shape, 'x');
  });

  it.each([
    [null, 'x: its content is null, expected an object'],
    [[], 'x: its content is [], expected an object'],
    [{ inner: right.inner }, 'x: step is "missing", expected a number'],
    [{ ...right, step: '1' }, 'x: step is "1", expected a number'],
    [{ ...right, names: 'a' }, 'x: names is "a", expected a list'],
    [{ ...right, names: ['a', 1] }, 'x: names.1 is 1, expected text'],
    [{ ...right, inner: { list: [[1], [true]] } }, 'x: inner.list.1.0 is true, expected a number'],
    [{ ...right, inner: Object.create({ list: [] }) }, 'x: inner.list is "missing", expected a list'],
  ])('refuses %j', (value, message) => expect(() => checkShape(value, shape, 'x')).toThrow(message));
});
