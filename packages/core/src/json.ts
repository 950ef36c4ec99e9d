import { type ErrorParts, ProtomemError } from './errors.ts';

/** Nothing that is read here is nested ten deep; what walks a value may recur so far. */
const MAX_DEPTH = 200;

/**
 * Parses JSON that somebody else wrote. Time and memory are linear in the text.
 *
 * @param place names the file (`where`) and its part (`what`) in errors, and what else an error should say.
 * @throws {ProtomemError} for text that is no JSON, that is nested deeper than 200, or in which an object has a key twice,
 *   of which `JSON.parse` would silently take the last.
 *
 * @example
 * ```ts
 * parseJson('{"a": 1, "a": 2}', { where: 'config.json', what: 'its text' });
 * // config.json: its text is "a key twice: a", expected JSON with each key of an object once.
 * ```
 */
export function parseJson(
  text: string,
  place: Pick<ErrorParts, 'where' | 'what' | 'fix'> & { readonly expected?: string },
): unknown {
  const refuse = (got: string, expected: string, cause?: unknown): never => {
    throw new ProtomemError({ expected, ...place, got }, { cause });
  };
  try {
    const fault = findFault(text);
    if (fault) return refuse(fault.got, fault.expected);
    return JSON.parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return refuse(text.slice(0, 80), `JSON (${error.message})`, error);
  }
}

const [QUOTE, BACKSLASH, COLON] = [0x22, 0x5c, 0x3a];

/** What `JSON.parse` takes without a word, or what those who walk its value would break at. */
function findFault(text: string): { readonly got: string; readonly expected: string } | undefined {
  /** Keys so far of each object that is open; none of an array. */
  const open: (Set<string> | undefined)[] = [];
  for (let i = 0; i < text.length; i++) {
    const character = text[i];
    if (character === '{' || character === '[') {
      if (open.length === MAX_DEPTH)
        return { got: 'nested too deep', expected: `JSON nested at most ${MAX_DEPTH} deep` };
      open.push(character === '{' ? new Set() : undefined);
    } else if (character === '}' || character === ']') open.pop();
    else if (character === '"') {
      const end = endOfString(text, i);
      const keys = open.at(-1);
      if (keys && text.charCodeAt(skipBlanks(text, end)) === COLON) {
        const key = JSON.parse(text.slice(i, end)) as string;
        if (keys.has(key)) {
          return { got: `a key twice: ${key.slice(0, 80)}`, expected: 'JSON with each key of an object once' };
        }
        keys.add(key);
      }
      i = end - 1;
    }
  }
  return undefined;
}

/** Where the string that begins at `start` is over. */
function endOfString(text: string, start: number): number {
  for (let i = start + 1; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === BACKSLASH) i++;
    else if (code === QUOTE) return i + 1;
  }
  return text.length;
}

function skipBlanks(text: string, start: number): number {
  let i = start;
  while (text[i] === ' ' || text[i] === '\n' || text[i] === '\r' || text[i] === '\t') i++;
  return i;
}

/**
 * What JSON should hold: a number (or null, which JSON writes for one that is not finite), a text, a list of something, or an
 * object with these keys at least, of which those that end in `?` may be absent.
 */
export type Shape = 'number' | 'text' | readonly [Shape] | { readonly [key: string]: Shape };

/**
 * Checks that JSON holds what a reader takes for granted.
 *
 * @throws {ProtomemError} that names the first part that differs: `heads.0.seconds is "missing", expected a number`.
 *
 * @example
 * ```ts
 * checkShape(saved, { step: 'number', 'names?': ['text'] }, 'result.json');
 * ```
 */
export function checkShape(value: unknown, shape: Shape, where: string, path: readonly (string | number)[] = []): void {
  const differs = (expected: string): ProtomemError => {
    const what = path.join('.') || 'its content';
    const fix = 'The file is damaged or of another program: use another copy, or make it anew.';
    return new ProtomemError({ where, what, got: value ?? (value === null ? null : 'missing'), expected, fix });
  };
  if (shape === 'number') {
    if (typeof value !== 'number' && value !== null) throw differs('a number');
  } else if (shape === 'text') {
    if (typeof value !== 'string') throw differs('text');
  } else if (Array.isArray(shape)) {
    if (!Array.isArray(value)) throw differs('a list');
    for (const [i, item] of value.entries()) checkShape(item, shape[0], where, [...path, i]);
  } else {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw differs('an object');
    for (const [key, inner] of Object.entries(shape)) {
      const name = key.replace('?', '');
      const own = Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined;
      if (own !== undefined || name === key) checkShape(own, inner, where, [...path, name]);
    }
  }
}

/** Whether a value is what JSON calls an object: no array, not null. */
export const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
