import { describe, expect, it } from 'vitest';
import { check, integer, number, ProtomemError, show } from './errors.ts';
import { lookUp, nearest } from './registry.ts';

describe('errors', () => {
  it('say where, what, got, expected and what to do', () => {
    const error = new ProtomemError({ where: 'f', what: 'size', got: 'big', expected: 'a number', fix: 'Pass one.' });
    expect(error.message).toBe('f: size is "big", expected a number. Pass one.');
    expect(error.parts.where).toBe('f');
    expect(() => check(false, () => ({ where: 'f', what: 'x', got: [1, 2], expected: 'more' }))).toThrow('x is [1, 2]');
  });

  it('show values briefly', () => {
    expect(show('a'.repeat(500)).length).toBeLessThan(130);
    expect(show(new Float32Array(100))).toBe('[0, 0, 0, 0, 0, 0, 0, 0, ... 100 in all]');
    expect(show({ a: 1 })).toBe('{"a":1}');
    expect(show(undefined)).toBe('undefined');
    expect(show(function cosFace() {})).toBe('the function cosFace');
  });

  it('check integers and numbers', () => {
    expect(integer('f', 'n', 3, 1)).toBe(3);
    expect(() => integer('f', 'n', 1.5, 1)).toThrow('f: n is 1.5, expected an integer >= 1.');
    expect(() => integer('f', 'n', 9, 1, 8)).toThrow('an integer in [1, 8]');
    expect(number('f', 'r', 0.5, 0, 1)).toBe(0.5);
    expect(() => number('f', 'r', Number.NaN, 0, 1)).toThrow('f: r is NaN, expected a number in [0, 1].');
  });
});

describe('lookUp', () => {
  const entries = { cosFace: 1, arcFace: 2 };

  it('finds, lists and suggests', () => {
    expect(lookUp('createLoss', 'loss', entries, 'arcFace')).toBe(2);
    expect(() => lookUp('createLoss', 'loss', entries, 'arcface')).toThrow(
      'createLoss: loss is "arcface", expected one of cosFace, arcFace. Did you mean "arcFace"?',
    );
    expect(() => lookUp('createLoss', 'loss', entries, 'toString')).toThrow('one of cosFace, arcFace.');
    expect(nearest('somethingelse', Object.keys(entries))).toBeUndefined();
  });
});
