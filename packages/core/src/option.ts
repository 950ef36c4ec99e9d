import { check, ProtomemError, show } from './errors.ts';
import { nearest } from './registry.ts';

/** Whether an option may be left out, and what stands in for it then. */
export type Presence = 'required' | 'default' | 'absent';

/**
 * One option of a part: what it is called is the key that it stands under. Types, checks, configurations, help texts and
 * README tables are derived from it.
 */
export interface Option<T = unknown, P extends Presence = Presence> {
  /** One line: what it does. */
  readonly help: string;
  /** Values that are accepted, in words: `an integer in [1, 10]`. */
  readonly expected: string;
  readonly accepts: (value: unknown) => boolean;
  /** Stands in when it is left out. */
  readonly default?: T;
  /** What it means to leave it out, for an option that has no default and may be: `all columns`. */
  readonly absent?: string;
  /** Names that can be chosen from. */
  readonly choices?: readonly string[];
  /** False for what only a program can pass: a function, a tensor, another part. */
  readonly configurable: boolean;
  /** Carries the types; never set. */
  readonly types?: readonly [T, P];
}

/** Options by name. */
export type Options = Readonly<Record<string, Option>>;

type ValueOf<O> = O extends Option<infer T, Presence> ? T : never;
type PresenceOf<O> = O extends { readonly types?: readonly [unknown, infer P] } ? P : never;

/** What a caller passes: required options, and those others that it cares about. */
export type OptionsOf<S extends Options> = {
  readonly [K in keyof S as PresenceOf<S[K]> extends 'required' ? K : never]: ValueOf<S[K]>;
} & {
  readonly [K in keyof S as PresenceOf<S[K]> extends 'required' ? never : K]?: ValueOf<S[K]>;
};

/** What a part works with: every option, its default filled in. */
export type Settings<S extends Options> = {
  readonly [K in keyof S]: PresenceOf<S[K]> extends 'absent' ? ValueOf<S[K]> | undefined : ValueOf<S[K]>;
};

/** The words of an option, and what stands in for it. */
interface About<T> {
  readonly help: string;
  readonly default?: T;
  readonly absent?: string;
}

type PresenceIn<A> = A extends { readonly default: unknown }
  ? 'default'
  : A extends { readonly absent: string }
    ? 'absent'
    : 'required';

interface Range {
  /** Default: none. */
  readonly min?: number;
  readonly max?: number;
}

/** Names to choose from: an array, or the keys of a registry. */
type Names = readonly string[] | Readonly<Record<string, unknown>>;
const listOf = (names: Names): readonly string[] =>
  Array.isArray(names) ? names : Object.keys(names as Readonly<Record<string, unknown>>);
type NameIn<N extends Names> = N extends readonly string[] ? N[number] : keyof N & string;

function make<T, A extends About<T>>(
  about: A,
  expected: string,
  accepts: (value: unknown) => boolean,
  more: { readonly choices?: readonly string[]; readonly configurable?: boolean } = {},
): Option<T, PresenceIn<A>> {
  const { help, absent } = about;
  return { help, expected, accepts, absent, default: about.default, configurable: true, ...more };
}

function range(noun: string, { min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY }: Range): string {
  if (max === Number.POSITIVE_INFINITY || max === Number.MAX_SAFE_INTEGER) {
    if (min === Number.MIN_VALUE) return `${noun} > 0`;
    return min === Number.NEGATIVE_INFINITY ? noun : `${noun} >= ${min}`;
  }
  return min === Number.MIN_VALUE ? `${noun} in (0, ${max}]` : `${noun} in [${min}, ${max}]`;
}

const within = (value: number, { min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY }: Range): boolean =>
  value >= min && value <= max;

/**
 * Declares options of a part.
 *
 * @example
 * ```ts
 * const options = {
 *   scale: option.number({ help: 'What cosines are multiplied by.', min: 1e-6, max: 1e6, default: 64 }),
 *   hardest: option.integer({ help: 'Nearest columns that enter.', min: 1, absent: 'all' }),
 * };
 * ```
 */
export const option = {
  /** A safe integer. */
  integer: <const A extends About<number> & Range>(about: A): Option<number, PresenceIn<A>> =>
    make<number, A>(
      about,
      range('an integer', about),
      (value) => Number.isSafeInteger(value) && within(value as number, about),
    ),
  /** A finite number; `min: Number.MIN_VALUE` stands for "above 0". */
  number: <const A extends About<number> & Range>(about: A): Option<number, PresenceIn<A>> =>
    make<number, A>(
      about,
      range('a number', about),
      (value) => Number.isFinite(value) && within(value as number, about),
    ),
  flag: <const A extends About<boolean>>(about: A): Option<boolean, PresenceIn<A>> =>
    make<boolean, A>(about, 'true or false', (value) => typeof value === 'boolean'),
  /** Text that is not empty. */
  text: <const A extends About<string>>(about: A): Option<string, PresenceIn<A>> =>
    make<string, A>(about, 'text', (value) => typeof value === 'string' && value !== ''),
  /** A list of texts that are not empty. */
  texts: <const A extends About<readonly string[]>>(about: A): Option<readonly string[], PresenceIn<A>> =>
    make<readonly string[], A>(
      about,
      'a list of texts',
      (value) => Array.isArray(value) && value.every((item) => typeof item === 'string' && item !== ''),
    ),
  /** A list of finite numbers. */
  numbers: <const A extends About<readonly number[]> & Range & { readonly length?: number }>(
    about: A,
  ): Option<readonly number[], PresenceIn<A>> => {
    const { length } = about;
    const noun = `a list of ${length === undefined ? '' : `${length} `}numbers`;
    return make<readonly number[], A>(about, range(noun, about).replace(' in [', ', each in ['), (value) => {
      if (!Array.isArray(value) || (length !== undefined && value.length !== length)) return false;
      return value.every((item) => Number.isFinite(item) && within(item, about));
    });
  },
  /** One of several names. */
  choice: <const N extends Names, const A extends About<NameIn<N>>>(
    names: N,
    about: A,
  ): Option<NameIn<N>, PresenceIn<A>> => {
    const choices = listOf(names);
    return make<NameIn<N>, A>(about, `one of ${choices.join(', ')}`, (value) => choices.includes(value as string), {
      choices,
    });
  },
  /** Several of some names. */
  choices: <const N extends Names, const A extends About<readonly NameIn<N>[]>>(
    names: N,
    about: A,
  ): Option<readonly NameIn<N>[], PresenceIn<A>> => {
    const known = listOf(names);
    return make<readonly NameIn<N>[], A>(
      about,
      `a list of ${known.join(', ')}`,
      (value) => Array.isArray(value) && value.every((name) => known.includes(name)),
    );
  },
  /** One of several names, or a function in its place, which a configuration cannot hold. */
  choiceOrFunction:
    <F extends (...args: never[]) => unknown>() =>
    <const N extends Names, const A extends About<NameIn<N>>>(
      names: N,
      about: A,
    ): Option<NameIn<N> | F, PresenceIn<A>> => {
      const choices = listOf(names);
      return make<NameIn<N> | F, A & About<NameIn<N> | F>>(
        about,
        `one of ${choices.join(', ')}, or a function`,
        (value) => typeof value === 'function' || choices.includes(value as string),
        { choices },
      );
    },
  /** What only a program can pass, such as a function or another part. The part checks it itself. */
  given:
    <T>() =>
    <const A extends About<T>>(about: A): Option<T, PresenceIn<A>> =>
      make<T, A>(about, 'see its type', () => true, { configurable: false }),
};

/** The option `inputSize` as it is written on a command line: `--input-size`. */
export const flagOf = (name: string): string => `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

/**
 * Refuses options of a command line that were given together, of which one would silently do nothing.
 *
 * @param options what was given: a flag that is false and a list without items were not.
 * @param excluded by an option's name, the names of those that do nothing beside it.
 *
 * @example
 * ```ts
 * refuseTogether('align', { landmarks: 'a.csv', minScore: 0.5 }, { landmarks: ['detector', 'minScore'] });
 * // align: the command line is "--landmarks and --min-score", expected one of them.
 * ```
 */
export function refuseTogether(
  where: string,
  options: object,
  excluded: Readonly<Record<string, readonly string[]>>,
): void {
  const given = Object.entries(options).flatMap(([name, value]) =>
    value === undefined || value === false || (Array.isArray(value) && value.length === 0) ? [] : [name],
  );
  for (const name of given) {
    const other = excluded[name]?.find((one) => given.includes(one));
    const got = () => [name, other!].map(flagOf).join(' and ');
    check(other === undefined, () => ({ where, what: 'the command line', got: got(), expected: 'one of them' }));
  }
}

/** Of settings of several parts, those of one: what it declares and what was said. */
export function pickOptions<const S extends Options>(options: S, given: object): OptionsOf<S> {
  const said = Object.entries(given).filter(([name, value]) => value !== undefined && Object.hasOwn(options, name));
  return Object.fromEntries(said) as OptionsOf<S>;
}

/**
 * Checks what a caller passed, and fills in defaults.
 *
 * @param where the function, for messages
 * @throws ProtomemError for an unknown key, with the nearest known one; for a missing option; for a value out of range
 */
export function readOptions<const S extends Options>(where: string, options: S, given: OptionsOf<S>): Settings<S> {
  const known = Object.keys(options);
  const passed = given as Readonly<Record<string, unknown>>;
  const unknown = Object.keys(passed).find((key) => !Object.hasOwn(options, key));
  if (unknown !== undefined) {
    const near = nearest(unknown, known);
    throw new ProtomemError({
      where,
      what: 'an option',
      got: unknown,
      expected: known.length > 0 ? `one of ${known.join(', ')}` : 'none',
      fix: near ? `Did you mean "${near}"?` : undefined,
    });
  }
  const settings: Record<string, unknown> = {};
  for (const [name, { default: standard, absent, expected, accepts }] of Object.entries(options)) {
    const value = passed[name] ?? standard;
    settings[name] = value;
    if (value === undefined ? absent !== undefined : accepts(value)) continue;
    const suggested = typeof value === 'string' && options[name]!.choices && nearest(value, options[name]!.choices);
    throw new ProtomemError({
      where,
      what: name,
      got: value,
      expected,
      fix: suggested ? `Did you mean ${show(suggested)}?` : undefined,
    });
  }
  return settings as Settings<S>;
}

/** A function that makes something of options which it declares. */
export interface Part<S extends Options, R> {
  (...given: Record<never, never> extends OptionsOf<S> ? [options?: OptionsOf<S>] : [options: OptionsOf<S>]): R;
  readonly options: S;
  /** Refuses what the function would refuse, and makes nothing. */
  readonly check: (options: OptionsOf<S>) => void;
}

/**
 * Makes a function of its options: unknown keys and values out of range are refused, defaults are filled in.
 *
 * @param name of the function, for messages
 * @param make gets every option
 * @param refuse throws for options that are each in range and do not go together
 *
 * @example
 * ```ts
 * const halved = part('halved', { scale: option.number({ help: 'Factor.', default: 30 }) }, ({ scale }) => scale / 2);
 * halved(); // 15
 * halved.options.scale.default; // 30
 * ```
 */
export function part<const S extends Options, R>(
  name: string,
  options: S,
  make: (settings: Settings<S>) => R,
  refuse: (settings: Settings<S>) => void = () => undefined,
): Part<S, R> {
  const read = (given = {} as OptionsOf<S>): Settings<S> => {
    const settings = readOptions(name, options, given);
    refuse(settings);
    return settings;
  };
  return Object.defineProperties((given?: OptionsOf<S>): R => make(read(given)), {
    name: { value: name },
    options: { value: options, enumerable: true },
    check: { value: (given: OptionsOf<S>) => void read(given) },
  }) as unknown as Part<S, R>;
}

/** The options as rows of a Markdown table: name, what it does, values, default. */
export function optionTable(options: Options): string {
  const rows = Object.entries(options).map(([name, { help, expected, default: standard, absent }]) => {
    const left = standard === undefined ? (absent ?? 'needed') : `\`${JSON.stringify(standard)}\``;
    return `| \`${name}\` | ${help} | ${expected} | ${left} |`;
  });
  return ['| option | what it does | values | default |', '| --- | --- | --- | --- |', ...rows].join('\n');
}
