import { createReadStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { PassThrough, type Readable } from 'node:stream';
import { RandomAccessReader } from 'yauzl';

/**
 * A file for yauzl that refuses places beyond its end. yauzl's own reader passes on what a damaged archive names, up to 2^64,
 * and Node throws at that where nobody can catch it.
 */
export class BoundedFile extends RandomAccessReader {
  readonly size: number;
  private readonly path: string;
  private readonly file: FileHandle;

  private constructor(path: string, file: FileHandle, size: number) {
    super();
    this.path = path;
    this.file = file;
    this.size = size;
  }

  static async open(path: string): Promise<BoundedFile> {
    const file = await open(path);
    return new BoundedFile(path, file, (await file.stat()).size);
  }

  override read(
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
    callback: (error: Error | null, bytesRead?: number) => void,
  ): void {
    const refused = this.refusal(position, position + length);
    if (refused) return void setImmediate(callback, refused);
    this.file.read(buffer, offset, length, position).then(
      ({ bytesRead }) => callback(null, bytesRead),
      (error: Error) => callback(error),
    );
  }

  override _readStreamForRange(start: number, end: number): Readable {
    const refused = this.refusal(start, end);
    return refused ? new PassThrough().destroy(refused) : createReadStream(this.path, { start, end: end - 1 });
  }

  private refusal(start: number, end: number): Error | undefined {
    if (start >= 0 && start <= end && end <= this.size) return undefined;
    return new Error(`it names bytes ${start} to ${end} of ${this.size}`);
  }

  closed(): Promise<void> {
    return this.file.close();
  }
}
