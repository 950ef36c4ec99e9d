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
 * The one error class of protomem: `where: what is got, expected expected. fix`.
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
    super(`${where}: ${what} is ${show(got)}, expected ${expected}.${fix ? ` ${fix}` : ''}`, options);
    this.parts = parts;
  }
}

/** A value as it should look inside an error message: quoted strings, short arrays, no dumps. */
export function show(value: unknown): string {
  if (typeof value === 'string') return value.length > 120 ? `"${value.slice(0, 117)}..."` : `"${value}"`;
  if (Array.isArray(value) || ArrayBuffer.isView(value)) {
    const items = Array.from(value as ArrayLike<unknown>);
    return `[${items.slice(0, 8).map(show).join(', ')}${items.length > 8 ? `, ... ${items.length} in all` : ''}]`;
  }
  if (typeof value === 'function') return `the function ${value.name || '(anonymous)'}`;
  if (typeof value === 'object' && value !== null) {
    const text = JSON.stringify(value) ?? String(value);
    return text.length > 120 ? `${text.slice(0, 117)}...` : text;
  }
  return String(value);
}

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
