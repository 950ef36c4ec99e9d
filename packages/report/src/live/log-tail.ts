import { open, stat } from 'node:fs/promises';
import { type LoggedEvaluation, type LoggedStep, loggedEvaluation, loggedStep } from '@protomem/training/log';

/** More steps than this are thinned to every second one: a page has no room for more, and memory stays bounded. */
const MOST_STEPS = 40_000;

/** What a growing `log.jsonl` says so far. Only what is new is read, until the file is another one. */
export class LogTail {
  steps: LoggedStep[] = [];
  evaluations: LoggedEvaluation[] = [];
  /** The newest step's line as logged. */
  last: Readonly<Record<string, number>> | undefined;
  readonly path: string;
  private file = 0;
  private offset = 0;

  constructor(path: string) {
    this.path = path;
  }

  /** @returns whether there was anything new. A file that is not there has nothing. */
  async read(): Promise<boolean> {
    const found = await stat(this.path).catch(() => undefined);
    if (!found) return false;
    // A resumed run replaces its log by one without the steps that it does again.
    const another = found.ino !== this.file || found.size < this.offset;
    if (another) {
      Object.assign(this, { steps: [], evaluations: [], last: undefined, offset: 0, file: found.ino });
    }
    if (found.size === this.offset) return another;
    const text = await readFrom(this.path, this.offset, found.size - this.offset);
    const end = text.lastIndexOf(0x0a) + 1;
    this.offset += end;
    for (const line of text.toString('utf8', 0, end).split('\n')) this.add(line);
    return another || end > 0;
  }

  private add(line: string): void {
    const record = parse(line);
    if (!record) return;
    if ('train/loss' in record) {
      this.last = record;
      this.steps.push(loggedStep(record));
      if (this.steps.length > MOST_STEPS) this.steps = this.steps.filter((_, i) => i % 2 === 1);
    }
    if ('evaluation/accuracy' in record) this.evaluations.push(loggedEvaluation(record));
  }
}

function parse(line: string): Record<string, number> | undefined {
  try {
    const record: unknown = JSON.parse(line);
    return typeof record === 'object' && record !== null ? (record as Record<string, number>) : undefined;
  } catch {
    return undefined;
  }
}

async function readFrom(path: string, offset: number, length: number): Promise<Buffer> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, offset);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}
