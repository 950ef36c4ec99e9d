import { Command, Help, InvalidArgumentError, Option } from '@commander-js/extra-typings';
import { type Option as Declared, flagOf, nearest, type Options, ProtomemError } from '@protomem/core';
import { SingleBar } from 'cli-progress';

/** What the commands share: how they are declared, their bar. */

/** A command of `protomem`: its `--help` shows defaults, and what it does not have is refused with the nearest named. */
export function command(name: string, about: string): Command {
  return new Command(`protomem ${name}`)
    .summary(about)
    .description(about)
    .helpOption('-h, --help', 'this text')
    .configureHelp({
      helpWidth: 110,
      optionDescription: (option) => `${new Help().optionDescription(option)}${option.mandatory ? ' (needed)' : ''}`,
    })
    .configureOutput({ outputError: () => undefined })
    .exitOverride();
}

/** Reads a number off the command line; the part that takes it checks its range. What is none is refused with the option's name. */
export function toNumber(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && Number.isFinite(value)) return value;
  throw new InvalidArgumentError('It takes a number.');
}

/** Flags of options that parts declare: `inputSize` becomes `--input-size <value>`, with its help and its default. */
export function declaredFlags(where: string, options: Options): Option[] {
  const configurable = Object.entries(options).filter(([, one]) => one.configurable);
  return configurable.map(([name, declared]) => {
    const { help, default: standard, absent, expected } = declared;
    const flag = flagOf(name);
    const about = help.replace(/\.$/, '');
    if (expected === 'true or false') return new Option(flag, about);
    const left = standard ?? (absent === 'none' ? undefined : absent);
    const values = expected === 'text' ? '' : `: ${expected}`;
    const text = `${about}${values}${left === undefined ? '' : ` (default: ${left})`}`;
    const made = new Option(`${flag} <value>`, text).argParser((value) => readDeclared(where, flag, declared, value));
    return made.makeOptionMandatory(standard === undefined && absent === undefined);
  });
}

/** A value off the command line as its option takes it: text, a number, or numbers with commas between. */
function readDeclared(
  where: string,
  what: string,
  { accepts, expected, choices = [] }: Declared,
  text: string,
): unknown {
  const parts = text.split(',').map((part) => (part.trim() === '' ? Number.NaN : Number(part)));
  const found = [text, parts[0], parts].find((value, i) => (i !== 1 || parts.length === 1) && accepts(value));
  if (found !== undefined) return found;
  const near = nearest(text, choices);
  throw new ProtomemError({ where, what, got: text, expected, fix: near ? `Did you mean "${near}"?` : undefined });
}

/** `--set key=value`, which may be repeated. */
export const setOption = (about: string) =>
  new Option('--set <key=value>', `${about}; may be repeated`)
    .default([] as readonly string[], 'none')
    .argParser((value: string, before: readonly string[]) => [...before, value]);

/** A bar with the time that is left; elsewhere than on a terminal, a line every few seconds. */
export function progressBar(unit: string): SingleBar {
  return new SingleBar({
    format: `{bar} {value}/{total} ${unit}, {eta_formatted} left`,
    hideCursor: true,
    gracefulExit: false,
    noTTYOutput: true,
    notTTYSchedule: 5000,
  });
}

/** Runs work that reports its progress, behind a bar. */
export async function withBar<T>(
  unit: string,
  work: (onProgress: (progress: { readonly done: number; readonly total: number }) => void) => Promise<T>,
): Promise<T> {
  const bar = progressBar(unit);
  let started = false;
  try {
    return await work(({ done, total }) => {
      if (!started) bar.start(total, 0);
      started = true;
      bar.update(done);
    });
  } finally {
    bar.stop();
  }
}
