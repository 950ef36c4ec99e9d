import { existsSync, readFileSync } from 'node:fs';

/** Sets of instructions that our own ops are compiled for, by the names of the x86-64 ABI; the widest first. */
export type InstructionSet = 'x86-64-v4' | 'x86-64-v3' | 'arm64';

/** What processors that have the set say of themselves; of the ABI's lists, what came last. */
const signs: Readonly<Record<InstructionSet, readonly string[]>> = {
  'x86-64-v4': ['avx512f', 'avx512bw', 'avx512cd', 'avx512dq', 'avx512vl'],
  'x86-64-v3': ['avx2', 'bmi2', 'fma', 'f16c', 'movbe', 'abm'],
  arm64: [],
};

/**
 * The sets of this architecture, the widest first: an install makes the ops for each, since another processor may see the
 * same folder. Processors older than these get none.
 */
export function instructionSets(arch: string = process.arch): InstructionSet[] {
  return arch === 'x64' ? ['x86-64-v4', 'x86-64-v3'] : arch === 'arm64' ? ['arm64'] : [];
}

/** The widest of them that this processor has. */
export function instructionSet(arch: string = process.arch, file = '/proc/cpuinfo'): InstructionSet | undefined {
  const known = new Set(existsSync(file) ? /^flags\s*:(.*)$/m.exec(readFileSync(file, 'utf8'))?.[1]?.split(' ') : []);
  return instructionSets(arch).find((set) => signs[set].every((sign) => known.has(sign)));
}

/** Name of the file with the ops for a set. */
export const trainingOpsFile = (set: InstructionSet): string => `training_ops.${set}.node`;
