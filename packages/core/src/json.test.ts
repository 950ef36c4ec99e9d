import { describe, expect, it } from 'vitest';
import { parseJson } from './json.ts';

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
