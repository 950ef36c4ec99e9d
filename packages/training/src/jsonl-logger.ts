import { readFile } from 'node:fs/promises';
import { writeFileAtomic } from '@protomem/core/node';
import { type AppendFile, appendFile } from './append-file.ts';
import type { Logger } from './logger.ts';
import { writeError } from './write-error.ts';

/**
 * Writes one JSON object a line: `{"step":1,"time":1700000000.5,"train/loss":3.2}`, time in seconds since 1970.
 * A number that is not finite is written as null.
 *
 * When a run starts, lines of steps after it, and a last line that a kill cut short, are removed: so no step is there
 * twice after a resume, and a new run begins an empty file. What a resume changes is a line too, before the first step that
 * it holds for: `{"step":500,"time":1700000000.5,"changes":[{"key":"config.schedule.base","saved":0.1,"now":0.01}]}`.
 *
 * @param path of the file; its folder is made when missing.
 * @example
 * ```ts
 * createTrainer({ ...parts, loggers: [jsonlLogger('run/metrics.jsonl')] });
 * ```
 */
export function jsonlLogger(path: string): Logger {
  let file: AppendFile | undefined;
  const write = (record: object, step: number): void =>
    file?.write(new TextEncoder().encode(`${JSON.stringify({ step, time: Date.now() / 1000, ...record })}\n`));
  return {
    async start({ step }) {
      await dropLinesAfter(path, step);
      file = appendFile('jsonlLogger', path);
    },
    log: write,
    changes: (changes, step) => write({ changes }, step),
    close() {
      file?.close();
      file = undefined;
    },
  };
}

async function dropLinesAfter(path: string, step: number): Promise<void> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw writeError('jsonlLogger', path, error);
  });
  const kept = text
    .split('\n')
    .filter((line) => isBefore(line, step))
    .map((line) => `${line}\n`)
    .join('');
  if (kept !== text) await writeFileAtomic(path, kept);
}

/** Not a line that is no record: cut short, or empty. Nor changes of an earlier try to go on from this step. */
function isBefore(line: string, end: number): boolean {
  try {
    const { step, changes } = JSON.parse(line);
    return typeof step === 'number' && (changes ? step < end : step <= end);
  } catch {
    return false;
  }
}
