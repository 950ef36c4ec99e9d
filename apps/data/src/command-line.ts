import { type ParseArgsConfig, parseArgs } from 'node:util';
import { ProtomemError } from '@protomem/core';
import { SingleBar } from 'cli-progress';

/** What every command of this app shares: its options read, its bar drawn, Ctrl-C heard. */

/** Options and paths of a command line. */
export function parse<T extends NonNullable<ParseArgsConfig['options']>>(
  command: string,
  args: readonly string[],
  options: T,
) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true });
  } catch (error) {
    throw refusal(command, args.join(' '), (error as Error).message, error);
  }
}

export function refusal(command: string, got: string, expected: string, cause?: unknown): ProtomemError {
  return new ProtomemError({ where: command, what: 'the command line', got, expected, fix: 'See --help.' }, { cause });
}

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
  work: (onProgress: (progress: { done: number; total: number }) => void) => Promise<T>,
): Promise<T> {
  const bar = progressBar(unit);
  try {
    return await work(({ done, total }) => {
      if (done === 1) bar.start(total, 0);
      bar.update(done);
    });
  } finally {
    bar.stop();
  }
}

let interrupt: AbortSignal | undefined;

/** The first Ctrl-C ends the work in order; the second ends it at once. */
export function stopOnInterrupt(): AbortSignal {
  if (interrupt) return interrupt;
  const controller = new AbortController();
  interrupt = controller.signal;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (controller.signal.aborted) process.exit(130);
      controller.abort(
        new ProtomemError({
          where: 'data',
          what: 'the work',
          got: `stopped by ${signal}`,
          expected: 'to run to its end',
        }),
      );
    });
  }
  return controller.signal;
}
