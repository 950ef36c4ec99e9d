import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';

/** Threads that this process may keep busy. */
export const usableThreads = (): number => availableParallelism();

/** Model name of the processor. */
export const processor = (): string => cpus()[0]?.model.trim() || `${process.arch} processor`;

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
