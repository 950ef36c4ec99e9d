import {
  currentSpelling,
  isObject,
  nearest,
  type Option,
  type Options,
  option,
  type Presence,
  ProtomemError,
} from '@protomem/core';

/**
 * What a configuration may hold: a tree whose leaves are the options that parts declare. Types, checks, merging, help and
 * errors follow from it.
 */
export type Node = Option | Section | Kinds;

/** Named values side by side. */
export interface Section<F extends Fields = Fields> {
  readonly node: 'section';
  readonly fields: F;
}

/** A part that comes in several kinds, each with fields of its own; `key` says which. */
export interface Kinds<K extends string = string, M extends Members = Members> {
  readonly node: 'kinds';
  readonly key: K;
  readonly kinds: M;
  /** Stands in where none is named. */
  readonly standard?: string;
}

export type Fields = { readonly [name: string]: Node };
type Members = { readonly [kind: string]: Fields };

/** A checked value of a node: plain JSON, in which null stands for an option that is left out. */
export type ValueOf<N> =
  N extends Section<infer F>
    ? { readonly [K in keyof F]: ValueOf<F[K]> }
    : N extends Kinds<infer K, infer M>
      ? {
          [Kind in keyof M]: { readonly [Key in K]: Kind } & { readonly [F in keyof M[Kind]]: ValueOf<M[Kind][F]> };
        }[keyof M]
      : N extends { readonly types?: readonly [infer T, infer P] }
        ? P extends 'absent'
          ? T | null
          : T
        : never;

export function section<const F extends Fields>(fields: F): Section<F> {
  return { node: 'section', fields };
}

export function kinds<const K extends string, const M extends Members>(
  key: K,
  members: M,
  standard?: keyof M & string,
): Kinds<K, M> {
  return { node: 'kinds', key, kinds: members, standard };
}

/**
 * Options of a part as fields of a configuration.
 *
 * @param without those that the program sets, or that only a program can pass
 * @param standards other defaults than the part's
 */
export function fieldsOf<const O extends Options, const W extends string = never>(
  options: O,
  { without = [] as unknown as readonly W[], standards = {} as Readonly<Record<string, unknown>> } = {},
): { readonly [K in Exclude<keyof O, W>]: O[K] } {
  const fields: Record<string, Option<unknown, Presence>> = {};
  for (const [name, option] of Object.entries(options)) {
    if ((without as readonly string[]).includes(name)) continue;
    if (!option.configurable) throw new Error(`the option ${name} cannot stand in a configuration`);
    fields[name] = name in standards ? { ...option, default: standards[name] } : option;
  }
  return fields as { readonly [K in Exclude<keyof O, W>]: O[K] };
}

/** The options of each part of a registry. */
export const optionsOfEach = <R extends Readonly<Record<string, { readonly options: Options }>>>(registry: R) =>
  Object.fromEntries(Object.entries(registry).map(([name, { options }]) => [name, options])) as {
    readonly [K in keyof R]: R[K]['options'];
  };

/** Options as parts take them: null, which stands for an option that is left out, is left out. */
type Given<T> = { [K in keyof T]: Exclude<T[K], null> };
export function given<T extends object>(options: T): Given<T> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== null)) as Given<T>;
}

const isOption = (node: Node): node is Option => !('node' in node);

/** The kind that a value of a node names, in today's spelling. */
function kindOf(where: string, { key, kinds: members, standard }: Kinds, named: unknown, path: Path): string {
  const known = Object.keys(members);
  const name = named ?? standard;
  const kind = typeof name === 'string' ? currentSpelling(name, known) : undefined;
  if (kind !== undefined) return kind;
  const near = typeof name === 'string' ? nearest(name, known) : undefined;
  throw new ProtomemError({
    where,
    what: dotted([...path, key]),
    got: name ?? 'missing',
    expected: `one of ${known.join(', ')}`,
    fix: near ? `Did you mean "${near}"?` : undefined,
  });
}

type Path = readonly string[];
const dotted = (path: Path): string => path.join('.') || 'the configuration';

/** A value of a node; of a part in several kinds, the name alone stands for one with nothing else said. */
const named = (node: Node, value: unknown): unknown =>
  typeof value === 'string' && 'node' in node && node.node === 'kinds' ? { [node.key]: value } : value;

/** The fields of a value, and the kind that they belong to, where there are kinds. */
function fieldsIn(where: string, node: Section | Kinds, given: unknown, path: Path) {
  const value = named(node, given);
  if (!isObject(value)) {
    throw new ProtomemError({
      where,
      what: dotted(path),
      got: value === undefined ? 'missing' : value,
      expected: 'an object of options',
    });
  }
  if (node.node === 'section') return { fields: node.fields, own: {}, value };
  const kind = kindOf(where, node, value[node.key], path);
  return { fields: node.kinds[kind]!, own: { [node.key]: kind }, value };
}

function refuseUnknown(where: string, value: object, known: readonly string[], path: Path): void {
  const unknown = Object.keys(value).find((key) => !known.includes(key));
  if (unknown === undefined) return;
  const near = nearest(unknown, known);
  throw new ProtomemError({
    where,
    what: 'a key',
    got: dotted([...path, unknown]),
    expected: `one of ${known.map((key) => dotted([...path, key])).join(', ')}`,
    fix: near ? `Did you mean "${dotted([...path, near])}"?` : undefined,
  });
}

/**
 * Checks a value and fills in defaults.
 *
 * @throws ProtomemError that names the first key that is wrong
 */
export function parse<N extends Node>(where: string, node: N, given: unknown, path: Path = []): ValueOf<N> {
  if (isOption(node)) return leaf(where, node, given, path) as ValueOf<N>;
  const { fields, own, value } = fieldsIn(where, node, given === undefined ? {} : given, path);
  refuseUnknown(where, value, [...Object.keys(own), ...Object.keys(fields)], path);
  const entries = Object.entries(fields).map(([name, field]) => [
    name,
    parse(where, field, value[name], [...path, name]),
  ]);
  return { ...own, ...Object.fromEntries(entries) } as ValueOf<N>;
}

function leaf(where: string, option: Option, given: unknown, path: Path): unknown {
  const { choices, absent, expected } = option;
  // Null leaves out what may be left out, also where something else stands in for what is not said at all.
  if (absent !== undefined && (given === null || (given === undefined && option.default === undefined))) return null;
  const chosen = given ?? option.default;
  if (chosen === undefined) {
    throw new ProtomemError({ where, what: dotted(path), got: 'missing', expected, fix: option.help });
  }
  const value = typeof chosen === 'string' && choices ? (currentSpelling(chosen, choices) ?? chosen) : chosen;
  if (typeof value !== 'function' && option.accepts(value)) return value;
  const near = typeof value === 'string' && choices ? nearest(value, choices) : undefined;
  const quoted = typeof value === 'number' && option.accepts(String(value));
  throw new ProtomemError({
    where,
    what: dotted(path),
    got: value,
    expected: expected.replace(', or a function', ''),
    fix: near
      ? `Did you mean "${near}"?`
      : quoted
        ? `Quote what is text: --set '${dotted(path)}="${value}"'.`
        : undefined,
  });
}

/**
 * A configuration changed by differences. Where they name another kind of a part, it begins from the fields that both
 * kinds share.
 */
export function merge(where: string, node: Node, base: unknown, differences: unknown, path: Path = []): unknown {
  const changes = named(node, differences);
  if (isOption(node) || changes === undefined || !isObject(changes)) return changes === undefined ? base : changes;
  const before = named(node, base);
  const kept = isObject(before) ? before : {};
  const kind = node.node === 'kinds' ? { [node.key]: changes[node.key] ?? kept[node.key] } : {};
  const { fields, own } = fieldsIn(where, node, kind, path);
  refuseUnknown(where, changes, [...Object.keys(own), ...Object.keys(fields)], path);
  const merged: Record<string, unknown> = { ...own };
  for (const [name, field] of Object.entries(fields)) {
    merged[name] = merge(where, field, kept[name], changes[name], [...path, name]);
  }
  return Object.fromEntries(Object.entries(merged).filter(([, value]) => value !== undefined));
}

/** A value of a node without what stands at its default: what it says itself. */
export function withoutDefaults(node: Node, value: unknown): unknown {
  if (isOption(node)) {
    const standing = node.default ?? null;
    return JSON.stringify(value) === JSON.stringify(standing) ? undefined : value;
  }
  if (!isObject(value)) return value;
  const given = value as Readonly<Record<string, unknown>>;
  const fields = node.node === 'section' ? node.fields : node.kinds[given[node.key] as string]!;
  const kind = node.node === 'section' ? {} : { [node.key]: given[node.key] };
  const entries = Object.entries(fields)
    .map(([name, field]) => [name, withoutDefaults(field, given[name])])
    .filter(([, inner]) => inner !== undefined);
  // A section that says nothing is one that a later release may have added.
  return node.node === 'section' && entries.length === 0 ? undefined : { ...kind, ...Object.fromEntries(entries) };
}

/**
 * A line for each option below a node, and before those of a part in several kinds for what chooses among them: its dotted
 * key, what it does, its values and its default.
 */
export function* describe(node: Node, path: Path = []): Generator<{ key: string; kind?: string; option: Option }> {
  if (isOption(node)) yield { key: dotted(path), option: node };
  else if (node.node === 'section') {
    for (const [name, field] of Object.entries(node.fields)) yield* describe(field, [...path, name]);
  } else {
    const help = `Chooses ${dotted(path)}; each has options of its own.`;
    yield { key: dotted([...path, node.key]), option: option.choice(node.kinds, { help, default: node.standard }) };
    for (const [kind, fields] of Object.entries(node.kinds)) {
      for (const [name, field] of Object.entries(fields)) {
        for (const line of describe(field, [...path, name]))
          yield { kind: `${dotted([...path, node.key])}=${kind}`, ...line };
      }
    }
  }
}
