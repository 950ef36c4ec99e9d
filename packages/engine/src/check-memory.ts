import { check } from '@protomem/core';
import * as tf from '@tensorflow/tfjs';

/** A WebAssembly module addresses no more. */
const WASM_BYTES = 2 ** 32;

/**
 * Refuses an allocation that this machine cannot hold, before it is tried: the system would end the process without a
 * word. What a GPU can hold is not known here.
 *
 * @param what that takes them, such as `size`
 * @param got its value
 * @param bytes that are needed at once
 * @param fix what to lower
 */
export function checkMemory(where: string, what: string, got: unknown, bytes: number, fix: string): void {
  const limit = freeMemory();
  const gib = (count: number): string => `${(count / 2 ** 30).toFixed(1)} GiB`;
  check(bytes <= limit, () => ({
    where,
    what,
    got,
    expected: `less: that takes ${gib(bytes)}, and ${gib(limit)} are free`,
    fix,
  }));
}

/**
 * Bytes that this process may still take on this machine, with the engine that is loaded; only Linux tells, limits of a
 * container among it, elsewhere it is all that the machine has. A browser tells nothing: Infinity.
 */
export function freeMemory(): number {
  const { process } = globalThis as { process?: NodeJS.Process };
  // Not imported: a bundler for browsers has no such module.
  const os = process?.getBuiltinModule?.('node:os');
  const free = !os
    ? Number.POSITIVE_INFINITY
    : process?.platform === 'linux'
      ? process.availableMemory()
      : os.totalmem();
  return tf.getBackend() === 'wasm' ? Math.min(WASM_BYTES, free) : free;
}
