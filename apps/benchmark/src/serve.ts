// The side of a contender that runs in a process of its own; `contender.ts` is the other.
import { readFileSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { OpTime } from '@protomem/engine';

/**
 * Prints a JSON line about the contender, then answers each line it reads: `step` with the milliseconds of one step,
 * `figures` with a JSON object of other figures, `profile` with a JSON list of what the ops of one step took.
 */
export async function serve(
  about: object,
  step: () => number | Promise<number>,
  figures: () => Readonly<Record<string, number>> = () => ({}),
  profile: () => Promise<readonly OpTime[]> = async () => [],
): Promise<void> {
  console.log(JSON.stringify(about));
  for await (const line of createInterface({ input: process.stdin })) {
    if (line === 'figures') console.log(JSON.stringify(figures()));
    else if (line === 'profile') console.log(JSON.stringify(await profile()));
    else console.log(String(await step()));
  }
}

/** Forgets the peak of resident memory so far; returns what is resident now, bytes. Only Linux knows; else 0. */
export function resetPeak(): number {
  try {
    writeFileSync('/proc/self/clear_refs', '5');
    return process.memoryUsage.rss();
  } catch {
    return 0;
  }
}

/** The peak of resident memory since {@link resetPeak}, bytes; 0 where it is not known. */
export function peak(): number {
  try {
    return 1024 * Number(/VmHWM:\s*(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))![1]);
  } catch {
    return 0;
  }
}
