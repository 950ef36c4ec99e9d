import { Command, Option } from '@commander-js/extra-typings';
import { ProtomemError } from '@protomem/core';
import { SingleBar } from 'cli-progress';

/** What the commands share: how they are declared, their bar. */

/** A command of `protomem`: its `--help` shows defaults, and what it does not have is refused with the nearest named. */
export function command(name: string, about: string): Command {
  return new Command(`protomem ${name}`)
    .summary(about)
    .description(about)
    .helpOption('-h, --help', 'this text')
    .configureHelp({ helpWidth: 110 })
    .configureOutput({ outputError: () => undefined })
    .exitOverride();
}

/** Reads a number off the command line; the part that takes it checks its range. */
export function toNumber(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && Number.isFinite(value)) return value;
  throw new ProtomemError({ where: 'the command line', what: 'a value', got: text, expected: 'a number' });
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
