import { firstLineOf } from './decode-whole.ts';

const words: Readonly<Record<string, string>> = {
  ENOENT: 'missing',
  ENOTDIR: 'not a folder',
  EISDIR: 'a folder',
  EACCES: 'not permitted',
  EPERM: 'not permitted',
};

/** Why the system would not read or write, in words that stand after "is": `missing`; else what it says itself. */
export const systemReason = (error: unknown): string =>
  words[(error as NodeJS.ErrnoException).code ?? ''] ?? firstLineOf(error);
