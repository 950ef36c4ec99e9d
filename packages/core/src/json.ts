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
