import { mkdir, statfs } from 'node:fs/promises';
import { findCompiler } from './compile.ts';
import { freeSomething, installError, throwIfDiskFull } from './install-error.ts';
import { findPip } from './pip.ts';

/** The TensorFlow that an install without `from` brings: the one that this package is tested with. */
export const pinnedTensorflow = '2.21.0';

/** The npm package that an install is for. */
export const packageOf = (gpu: boolean): string => (gpu ? '@tensorflow/tfjs-node-gpu' : '@tensorflow/tfjs-node');

/** What pip is asked for. On arm64 the package "tensorflow" is the one for the CPU. */
export const requirementOf = (gpu: boolean): string =>
  `${gpu || process.arch === 'arm64' ? 'tensorflow' : 'tensorflow-cpu'}==${pinnedTensorflow}`;

/** Free bytes that an install needs at its peak: download, what pip keeps of it, libraries. */
export const neededBytes = (gpu: boolean): number => (gpu ? 12e9 : 1.6e9);

export interface Tools {
  readonly compiler: string;
  readonly python: string;
}

export async function findTools(pip: boolean): Promise<Tools> {
  return { compiler: await findCompiler(), python: pip ? await findPip() : '' };
}

/** Version of the C library; undefined where it is another one. */
export const glibcVersion = (): string | undefined =>
  (process.report.getReport() as { header?: { glibcVersionRuntime?: string } }).header?.glibcVersionRuntime;

export function checkPlatform(): void {
  const { platform, arch } = process;
  const glibc = glibcVersion();
  if (platform === 'linux' && (arch === 'x64' || arch === 'arm64') && glibc) return;
  throw installError(
    'the platform',
    `${platform} ${arch}${platform === 'linux' && !glibc ? ' without glibc' : ''}`,
    'Linux on x64 or arm64 with glibc',
    'Elsewhere let tfjs-node install itself: npm install @tensorflow/tfjs-node (Windows also needs its build tools).',
  );
}

export async function makeRoot(root: string): Promise<void> {
  try {
    await mkdir(root, { recursive: true });
  } catch (error) {
    throwIfDiskFull((error as Error).message, root);
    throw installError('the cache folder', root, 'a folder that can be written', 'Set PROTOMEM_CACHE to another one.');
  }
}

export async function checkSpace(root: string, gpu: boolean): Promise<void> {
  const { bavail, bsize } = await statfs(root);
  const bytes = neededBytes(gpu);
  if (bavail * bsize >= bytes) return;
  const gigabytes = (value: number) => `${(value / 1e9).toFixed(1)} GB free`;
  throw installError(
    `the disk of ${root}`,
    gigabytes(bavail * bsize),
    `${gigabytes(bytes)} for the install`,
    freeSomething,
  );
}
