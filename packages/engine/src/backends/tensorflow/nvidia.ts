import { existsSync, readdirSync, readFileSync } from 'node:fs';

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

/** The oldest driver of NVIDIA that runs the CUDA 12 of the pinned TensorFlow (CUDA's release notes, Linux). */
export const oldestDriver = '525.60.13';

/** Version of NVIDIA's kernel driver; undefined where there is none. */
export function driverVersion(file = '/proc/driver/nvidia/version'): string | undefined {
  if (!existsSync(file)) return undefined;
  return /Kernel Module(?: for \S+)?\s+(\d+(?:\.\d+)+)/.exec(readFileSync(file, 'utf8'))?.[1];
}

/** Whether a dotted version comes before another. */
export function older(version: string, than: string): boolean {
  const [a, b] = [version, than].map((text) => text.split('.').map(Number));
  for (let i = 0; i < Math.max(a!.length, b!.length); i++) {
    if ((a![i] ?? 0) !== (b![i] ?? 0)) return (a![i] ?? 0) < (b![i] ?? 0);
  }
  return false;
}
