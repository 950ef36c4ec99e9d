import { constants } from 'node:os';
import { ProtomemError } from '@protomem/core';

/** Ctrl-C; a supervisor; a terminal that was closed, or a parent that is gone. */
const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** One press of Ctrl-C may arrive twice, from the terminal and through a parent: within this time, ms, it is one. */
const ONE_PRESS = 1000;

let controller: AbortController | undefined;
let stoppedBy: 'SIGPIPE' | (typeof signals)[number] | undefined;

/**
 * Any signal that asks a process to end ends the work in order; only another Ctrl-C ends it at once.
 *
 * @returns aborts then; its reason is an error for the user.
 */
export function stopOnInterrupt(): AbortSignal {
  if (controller) return controller.signal;
  controller = new AbortController();
  let first = 0;
  for (const signal of signals) {
    process.on(signal, () => {
      const now = performance.now();
      if (!stoppedBy) first = now;
      else if (signal === 'SIGINT' && now - first > ONE_PRESS) process.exit(stopCode());
      stop(signal);
    });
  }
  return controller.signal;
}

/** Exit code of what a signal ended early, as shells have it: 130 for Ctrl-C, 143 for SIGTERM, 129 for SIGHUP. */
export function stopCode(): number | undefined {
  return stoppedBy && 128 + constants.signals[stoppedBy];
}

/** What is to happen when nobody can be told anything any more. */
export function onOutputError(error: NodeJS.ErrnoException): void {
  // The terminal is gone; the work hears of that by SIGHUP.
  if (error.code === 'EIO' || error.code === 'ERR_STREAM_DESTROYED') return;
  if (error.code !== 'EPIPE') throw error;
  // A reader that has seen enough, such as head, ends the output, and work in order.
  if (!controller) process.exit();
  stop('SIGPIPE');
}

function stop(signal: NonNullable<typeof stoppedBy>): void {
  if (stoppedBy || !controller) return;
  stoppedBy = signal;
  if (signal !== 'SIGPIPE') console.log(`\n${signal}: stopping in order; Ctrl-C once more ends at once`);
  const what = { what: 'the work', got: `stopped by ${signal}`, expected: 'to run to its end' };
  controller.abort(new ProtomemError({ where: 'protomem', ...what }));
}
