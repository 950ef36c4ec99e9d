import { type FileHandle, open } from 'node:fs/promises';
import { PassThrough, type Readable } from 'node:stream';
import { RandomAccessReader } from 'yauzl';

/**
 * A file for yauzl that refuses places beyond its end. yauzl's own reader passes on what a damaged archive names, up to 2^64,
 * and Node throws at that where nobody can catch it.
 */
export class BoundedFile extends RandomAccessReader {
  readonly size: number;
  private readonly file: FileHandle;

  private constructor(file: FileHandle, size: number) {
    super();
    this.file = file;
    this.size = size;
  }

  static async open(path: string): Promise<BoundedFile> {
    const file = await open(path);
    return new BoundedFile(file, (await file.stat()).size);
  }

  override _readStreamForRange(start: number, end: number): Readable {
    if (start >= 0 && start <= end && end <= this.size) {
      return this.file.createReadStream({ start, end: end - 1, autoClose: false });
    }
    const refused = new PassThrough();
    refused.destroy(new Error(`it names bytes ${start} to ${end} of ${this.size}`));
    return refused;
  }

  closed(): Promise<void> {
    return this.file.close();
  }
}
