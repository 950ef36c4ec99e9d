import { existsSync, readdirSync, readFileSync } from 'node:fs';
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

/**
 * Models of the NVIDIA GPUs that the kernel driver shows. Only files are read: a CUDA library that is loaded to ask
 * stays in the process, and two builds of libtensorflow must never meet there.
 */
export function gpus(driver = '/proc/driver/nvidia/gpus'): string[] {
  if (!existsSync(driver)) return existsSync('/dev/dxg') ? ['GPU of the Windows host'] : [];
  return readdirSync(driver).map((slot) => {
    try {
      return /^Model:\s*(.+)$/m.exec(readFileSync(`${driver}/${slot}/information`, 'utf8'))?.[1]?.trim() ?? slot;
    } catch {
      return slot;
    }
  });
}
