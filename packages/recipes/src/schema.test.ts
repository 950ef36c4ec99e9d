import { option } from '@protomem/core';
import { describe, expect, it } from 'vitest';
import { describe as describeOptions, fieldsOf, kinds, merge, parse, section } from './schema.ts';

const schema = section({
  steps: option.integer({ help: 'Steps.', min: 1, default: 10 }),
  head: kinds('kind', {
    memory: {
      size: option.integer({ help: 'Slots.', min: 1 }),
      hardest: option.integer({ help: 'Nearest.', min: 1, absent: 'all' }),
    },
    softmax: { rate: option.number({ help: 'Rate.', default: 0.1 }) },
    queue: { size: option.integer({ help: 'Columns.', min: 1 }) },
  }),
});

describe('parse', () => {
  it('fills in defaults, with null for what is left out', () => {
    expect(parse('test', schema, { head: { kind: 'memory', size: 3 } })).toEqual({
      steps: 10,
      head: { kind: 'memory', size: 3, hardest: null },
    });
  });

  it('takes null for what may be left out, also where something else is the default', () => {
    const forEver = { help: 'Steps.', absent: 'for ever' };
    const fields = fieldsOf({ expireAfter: option.integer(forEver) }, { standards: { expireAfter: 200 } });
    expect(parse('test', section(fields), {})).toEqual({ expireAfter: 200 });
    expect(parse('test', section(fields), { expireAfter: null })).toEqual({ expireAfter: null });
    expect(parse('test', schema.fields.steps, null)).toBe(10);
  });

  it.each([
    [{}, 'test: head.kind is "missing", expected one of memory, softmax, queue.'],
    [{ head: { kind: 'memroy' } }, 'Did you mean "memory"?'],
    [{ head: { kind: 'memory' } }, 'test: head.size is "missing", expected an integer >= 1. Slots.'],
    [{ head: { kind: 'softmax', size: 3 } }, 'a key is "head.size", expected one of head.kind, head.rate.'],
    [{ head: 3 }, 'test: head is 3, expected an object of options.'],
    [{ head: null }, 'test: head is null, expected an object of options.'],
    [{ steps: 0, head: { kind: 'softmax' } }, 'test: steps is 0, expected an integer >= 1.'],
    [{ step: 1 }, 'Did you mean "steps"?'],
  ])('refuses %j', (value, message) => {
    expect(() => parse('test', schema, value)).toThrow(message);
  });
});

describe('merge', () => {
  const base = { steps: 5, head: { kind: 'memory', size: 3, hardest: 2 } };

  it('lays differences over a value', () => {
    expect(merge('test', schema, base, { head: { size: 4 } })).toEqual({
      steps: 5,
      head: { kind: 'memory', size: 4, hardest: 2 },
    });
  });

  it('keeps what both kinds have where the kind changes', () => {
    expect(merge('test', schema, base, { head: { kind: 'queue' } })).toEqual({
      steps: 5,
      head: { kind: 'queue', size: 3 },
    });
    expect(merge('test', schema, base, { head: { kind: 'softmax' } })).toEqual({ steps: 5, head: { kind: 'softmax' } });
  });

  it('refuses keys that the value cannot have', () => {
    expect(() => merge('test', schema, base, { head: { rate: 1 } })).toThrow('a key is "head.rate"');
  });
});

it('fields are the options of a part, but for those that the program gives', () => {
  const options = {
    size: option.integer({ help: 'Slots.', min: 1 }),
    loss: option.given<() => void>()({ help: 'A function.' }),
  };
  expect(Object.keys(fieldsOf(options, { without: ['loss'] }))).toEqual(['size']);
  expect(parse('test', section(fieldsOf(options, { without: ['loss'], standards: { size: 7 } })), {})).toEqual({
    size: 7,
  });
  expect(() => fieldsOf(options)).toThrow('the option loss cannot stand in a configuration');
});

it('every option is described with the kind that it belongs to', () => {
  expect([...describeOptions(schema)].map(({ key, kind }) => [key, kind])).toEqual([
    ['steps', undefined],
    ['head.kind', undefined],
    ['head.size', 'head.kind=memory'],
    ['head.hardest', 'head.kind=memory'],
    ['head.rate', 'head.kind=softmax'],
    ['head.size', 'head.kind=queue'],
  ]);
});
