import { existsSync, readFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';

/** Threads that this process may keep busy. */
export const usableThreads = (): number => availableParallelism();

/** Model name of the processor. */
export const processor = (): string => cpus()[0]?.model.trim() || `${process.arch} processor`;

/** Whether the processor has instructions that multiply bfloat16; undefined where nothing tells. */
export function multipliesBfloat16(file = '/proc/cpuinfo'): boolean | undefined {
  if (!existsSync(file)) return undefined;
  const flags = /^(?:flags|Features)\s*:(.*)$/m.exec(readFileSync(file, 'utf8'))?.[1];
  return flags && /\b(?:avx512_bf16|amx_bf16|bf16)\b/.test(flags) ? true : flags ? false : undefined;
}
