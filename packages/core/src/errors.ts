import { printable } from './text.ts';

/** The parts of an error message that helps: where, what was found, what was expected, what to do. */
export interface ErrorParts {
  /** Function, command or file that refuses, such as `createPrototypeMemory` or `checkpoint.safetensors`. */
  readonly where: string;
  /** The argument, key or byte offset at fault. */
  readonly what: string;
  /** What was found there. */
  readonly got: unknown;
  /** What would have been right. */
  readonly expected: string;
  /** What the reader can do about it. */
  readonly fix?: string;
}

/**
 * The one error class of protomem: `where: what is got, expected expected. fix`, in one line; control characters are
 * escaped.
 *
 * @example
 * ```ts
 * throw new ProtomemError({ where: 'cosFace', what: 'margin', got: -1, expected: 'a number in [0, 1]' });
 * // cosFace: margin is -1, expected a number in [0, 1].
 * ```
 */
export class ProtomemError extends Error {
  override readonly name = 'ProtomemError';
  readonly parts: ErrorParts;

  constructor(parts: ErrorParts, options?: ErrorOptions) {
    const { where, what, got, expected, fix } = parts;
    // Names, paths and contents of files stand in here: none of them may break the line or reach a terminal as an order.
    const text = `${clip(where)}: ${clip(what)} is ${show(got)}, expected ${clip(expected)}.${fix ? ` ${clip(fix)}` : ''}`;
    super(printable(text), options);
    this.parts = parts;
  }
}

/** A value as it should look inside an error message: quoted strings, short arrays, no dumps. */
export function show(value: unknown): string {
  return showPart(value, 0);
}

/** `depth` bounds what a nested value costs: each level may show eight others. */
function showPart(value: unknown, depth: number): string {
  if (typeof value === 'string') return `"${short(value)}"`;
  if (Array.isArray(value) || ArrayBuffer.isView(value)) {
    if (depth === 3) return '[...]';
    const all = value as ArrayLike<unknown>;
    const items = Array.from({ length: Math.min(8, all.length) }, (_, i) => showPart(all[i], depth + 1));
    return `[${items.join(', ')}${all.length > 8 ? `, ... ${all.length} in all` : ''}]`;
  }
  if (typeof value === 'function') return `the function ${value.name || '(anonymous)'}`;
  if (typeof value === 'object' && value !== null) {
    try {
      return short(JSON.stringify(value) ?? String(value));
    } catch {
      // One that holds itself, or is nested beyond the stack.
      return 'an object';
    }
  }
  return String(value);
}

/** Longer than any list of names that stands in a message, and short enough for a screen. */
const clip = (text: string): string => (text.length > 2000 ? `${text.slice(0, 1997)}...` : text);
/** Short enough for a part of a line. */
export const short = (text: string): string => (text.length > 120 ? `${text.slice(0, 117)}...` : text);

/** Throws a {@link ProtomemError} unless `condition` holds. The parts are made only when it does not. */
export function check(condition: boolean, parts: () => ErrorParts): asserts condition {
  if (!condition) throw new ProtomemError(parts());
}

/** Checks an integer option and returns it. */
export function integer(
  where: string,
  what: string,
  value: number,
  min: number,
  max = Number.MAX_SAFE_INTEGER,
): number {
  check(Number.isSafeInteger(value) && value >= min && value <= max, () => ({
    where,
    what,
    got: value,
    expected: max === Number.MAX_SAFE_INTEGER ? `an integer >= ${min}` : `an integer in [${min}, ${max}]`,
  }));
  return value;
}

/** Checks a finite number option and returns it. */
export function number(where: string, what: string, value: number, min: number, max: number): number {
  check(Number.isFinite(value) && value >= min && value <= max, () => ({
    where,
    what,
    got: value,
    expected: `a number in [${min}, ${max}]`,
  }));
  return value;
}
