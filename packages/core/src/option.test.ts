import { describe, expect, it, vi } from 'vitest';
import { option, optionTable, part, refuseTogether } from './option.ts';
import { lookUp } from './registry.ts';

const make = part(
  'make',
  {
    size: option.integer({ help: 'Slots.', min: 1 }),
    scale: option.number({ help: 'Factor.', min: Number.MIN_VALUE, max: 10, default: 2 }),
    hardest: option.integer({ help: 'Nearest columns.', min: 1, absent: 'all' }),
    order: option.choice(['oldest', 'random'], { help: 'Who leaves.', default: 'oldest' }),
    refresh: option.choiceOrFunction<(age: number) => number>()(
      { blend: 0, replace: 1 },
      { help: 'How.', default: 'blend' },
    ),
    lengths: option.numbers({ help: 'Two.', length: 2, min: 0, max: 1, default: [0, 1] }),
    renew: option.flag({ help: 'Or not.', default: true }),
    path: option.text({ help: 'A file.', absent: 'none' }),
    loss: option.given<() => number>()({ help: 'A function.', absent: 'none' }),
  },
  (settings) => settings,
);

it.each([
  [{ landmarks: 'a.csv', minScore: 0 }, '--landmarks and --min-score'],
  [{ aligned: true, detector: 'a.ts' }, '--aligned and --detector'],
  [{ protocol: 'lfw', set: ['a=1'] }, '--protocol and --set'],
  [{ aligned: false, detector: 'a.ts', minScore: undefined }, undefined],
  [{ protocol: 'lfw', set: [], landmarks: undefined }, undefined],
])('refuseTogether names what excludes what in %j', (options, names) => {
  const excluded = { landmarks: ['detector', 'minScore'], aligned: ['detector'], protocol: ['set'] };
  const refusing = () => refuseTogether('here', options, excluded);
  if (names === undefined) refusing();
  else expect(refusing).toThrow(`here: the command line is "${names}", expected one of them.`);
});

describe('part', () => {
  it('fills in defaults, and leaves what is absent undefined', () => {
    expect(make({ size: 3 })).toEqual({
      size: 3,
      scale: 2,
      hardest: undefined,
      order: 'oldest',
      refresh: 'blend',
      lengths: [0, 1],
      renew: true,
      path: undefined,
      loss: undefined,
    });
  });

  it('has its name, and its options as data', () => {
    expect(make.name).toBe('make');
    expect(make.options.order.choices).toEqual(['oldest', 'random']);
  });

  it('refuses unknown keys, and names the nearest', () => {
    const given = { size: 1, hardset: 3 };
    expect(() => make(given)).toThrow(
      /make: an option is "hardset", expected one of size, .* Did you mean "hardest"\?/,
    );
  });

  it.each([
    [{}, 'make: size is undefined, expected an integer >= 1.'],
    [{ size: 0 }, 'make: size is 0, expected an integer >= 1.'],
    [{ size: 1.5 }, 'make: size is 1.5, expected an integer >= 1.'],
    [{ size: '1' }, 'make: size is "1", expected an integer >= 1.'],
    [{ size: 1, scale: 0 }, 'make: scale is 0, expected a number in (0, 10].'],
    [{ size: 1, scale: Number.NaN }, 'make: scale is NaN, expected a number in (0, 10].'],
    [{ size: 1, order: 'oldes' }, 'make: order is "oldes", expected one of oldest, random. Did you mean "oldest"?'],
    [{ size: 1, refresh: 'mean' }, 'make: refresh is "mean", expected one of blend, replace, or a function.'],
    [{ size: 1, lengths: [0] }, 'make: lengths is [0], expected a list of 2 numbers, each in [0, 1].'],
    [{ size: 1, lengths: [0, 2] }, 'make: lengths is [0, 2], expected a list of 2 numbers, each in [0, 1].'],
    [{ size: 1, renew: 1 }, 'make: renew is 1, expected true or false.'],
    [{ size: 1, path: '' }, 'make: path is "", expected text.'],
  ])('refuses %j', (given, message) => {
    expect(() => make(given as never)).toThrow(message);
  });

  it('takes a function where a name stands for one', () => {
    const refresh = (age: number): number => age;
    expect(make({ size: 1, refresh }).refresh).toBe(refresh);
  });

  it('tells every option in a table', () => {
    const table = optionTable(make.options);
    expect(table).toContain('| `size` | Slots. | an integer >= 1 | needed |');
    expect(table).toContain('| `hardest` | Nearest columns. | an integer >= 1 | all |');
    expect(table).toContain('| `order` | Who leaves. | one of oldest, random | `"oldest"` |');
  });
});

it('accepts the spelling of an earlier release, and warns once', () => {
  const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined);
  const entries = { 'mobile-face-net': 1, 'cos-face': 2 };
  expect(lookUp('test', 'name', entries, 'mobilefacenet')).toBe(1);
  expect(lookUp('test', 'name', entries, 'cosFace')).toBe(2);
  expect(lookUp('test', 'name', entries, 'cosFace')).toBe(2);
  expect(lookUp('test', 'name', entries, 'cos-face')).toBe(2);
  expect(warn.mock.calls.map(([text]) => text)).toEqual([
    expect.stringContaining('"mobilefacenet" is now spelled "mobile-face-net"'),
    expect.stringContaining('"cosFace" is now spelled "cos-face"'),
  ]);
  warn.mockRestore();
});
