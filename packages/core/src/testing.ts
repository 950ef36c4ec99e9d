import { appendFileSync, existsSync } from 'node:fs';
import { ProtomemError } from './errors.ts';
import { Random } from './random.ts';

/** Inputs that a parser is tried on: 500 in tests, more with `npm run fuzz`. */
const asked = Number(process.env.PROTOMEM_FUZZ ?? 500);

/** Other inputs each time, where a number is given. */
const seed = Number(process.env.PROTOMEM_FUZZ_SEED ?? 1);

/** Where `npm run fuzz` gathers the figures. */
const report = process.env.PROTOMEM_FUZZ_REPORT;

/** For tests that call {@link fuzz}: a hundred times the inputs take longer than a test may. */
export const fuzzTimeout = { timeout: 60_000 + 20 * asked };

/** What trying a parser gave: a line of the table that `npm run fuzz` prints. */
export interface FuzzFigures {
  readonly parser: string;
  readonly inputs: number;
  /** With an error of ours, in one line. */
  readonly refused: number;
  readonly read: number;
  /** With anything else. */
  readonly failures: number;
  /** Milliseconds, and which input it was. */
  readonly slowest: readonly [milliseconds: number, input: number];
  /** Growth of the process's memory over one input, MiB. */
  readonly memory: readonly [mebibytes: number, input: number];
}

/** How a parser is tried. */
export interface FuzzOptions {
  /** Share of the usual number of inputs, for a parser that takes long over each. Default 1. */
  readonly share?: number;
  /**
   * Bounds of the share of inputs that is refused: for none, damage is passed over; for all, nothing behind the first check
   * is tried. Default above 0.2, below 0.99.
   */
  readonly refused?: readonly [above: number, below: number];
}

/**
 * Tries a parser on damaged inputs. Whatever it throws has to be a {@link ProtomemError} in one line, which it should
 * throw for a part of the inputs.
 *
 * The test that calls it has `damaged` in its name, and {@link fuzzTimeout}: so `npm run fuzz` finds it.
 *
 * @param parser its name in the table.
 * @param attempt makes the i-th input, from random numbers of its own, and parses it.
 *
 * @example
 * ```ts
 * it('refuses damaged files', fuzzTimeout, () => fuzz('npy', (random) => parse(damage(bytes, random))));
 * ```
 */
export async function fuzz(
  parser: string,
  attempt: (random: Random, i: number) => unknown,
  { share = 1, refused: [above, below] = [0.2, 0.99] }: FuzzOptions = {},
): Promise<FuzzFigures> {
  const inputs = Math.ceil(asked * share);
  let [refused, failures] = [0, 0];
  let first: Error | undefined;
  let [slowest, memory]: [number, number][] = [
    [0, 0],
    [0, 0],
  ];
  for (let i = 0; i < inputs; i++) {
    const [begun, before] = [performance.now(), process.memoryUsage.rss()];
    try {
      await attempt(new Random(seed, i), i);
    } catch (error) {
      if (error instanceof ProtomemError && !error.message.includes('\n')) refused++;
      else {
        failures++;
        first ??= new Error(`${parser}: input ${i} of seed ${seed}`, { cause: error });
      }
    }
    const [took, grown] = [performance.now() - begun, (process.memoryUsage.rss() - before) / 2 ** 20];
    if (took > slowest![0]) slowest = [took, i];
    if (grown > memory![0]) memory = [grown, i];
  }
  const read = inputs - refused - failures;
  const figures: FuzzFigures = { parser, inputs, refused, read, failures, slowest: slowest!, memory: memory! };
  if (report !== undefined) appendFileSync(report, `${JSON.stringify(figures)}\n`);
  if (first) throw first;
  if (refused / inputs > above && refused / inputs < below) return figures;
  throw new Error(`${parser}: ${refused} of ${inputs} inputs refused, expected a share between ${above} and ${below}`);
}

/** Numbers that break lengths and offsets. */
const NUMBERS = [0, 1, 2 ** 29 - 1, 2 ** 31, 2 ** 32 - 1];

/**
 * A copy with up to three flipped bits or 32-bit words replaced; a quarter of the copies is cut short as well.
 *
 * @param numbers more words to put in, such as a format's magic number.
 */
export function damage(bytes: Uint8Array, random: Random, ...numbers: readonly number[]): Buffer {
  const copy = Buffer.from(bytes);
  const words = [...NUMBERS, ...numbers];
  for (let i = random.below(4); i > 0 && copy.length > 4; i--) {
    const at = random.below(copy.length - 4);
    if (random.below(2)) copy[at]! ^= 1 << random.below(8);
    else copy.writeUInt32LE(words[random.below(words.length)]!, at);
  }
  return random.below(4) ? copy : copy.subarray(0, random.below(copy.length));
}

/** A copy in which up to three pieces of text are replaced, doubled or gone; a quarter is cut short as well. */
export function damageText(text: string, random: Random, pieces: readonly string[]): Buffer {
  let copy = text;
  for (let i = random.below(4); i > 0; i--) {
    const [from, length] = [random.below(copy.length + 1), random.below(8)];
    copy = copy.slice(0, from) + pieces[random.below(pieces.length)]! + copy.slice(from + length);
  }
  const bytes = Buffer.from(copy);
  return random.below(4) ? bytes : bytes.subarray(0, random.below(bytes.length + 1));
}

/** Pieces of JSON that break who reads it, for {@link damageText}. */
export const jsonPieces: readonly string[] = [
  ...[
    'null',
    '[]',
    '{}',
    '"',
    ',',
    ':',
    '{',
    '}',
    '[',
    ']',
    '-1',
    '1e999',
    '1e-400',
    'true',
    '""',
    ' ',
    '\\u001b',
    '\n',
  ],
  ...[
    '"__proto__":{},',
    '"constructor":1,',
    '"a":1,"a":2,',
    '['.repeat(300),
    '{"a":'.repeat(300),
    '[1,"a"],',
    '9'.repeat(400),
  ],
];

/** For tests that drive a browser: `PROTOMEM_CHROMIUM`, or where systems put Chromium; undefined where there is none. */
export const chromium: string | undefined = [
  process.env.PROTOMEM_CHROMIUM,
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
].find((path) => path && existsSync(path));
