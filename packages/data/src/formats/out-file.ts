import { type FileHandle, open } from 'node:fs/promises';

/** A file that is written in large pieces. */
export class OutFile {
  length = 0;
  private pieces: Uint8Array[] = [];
  private waiting = 0;
  private readonly handle: FileHandle;

  private constructor(handle: FileHandle) {
    this.handle = handle;
  }

  static async create(path: string): Promise<OutFile> {
    return new OutFile(await open(path, 'wx'));
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.pieces.push(bytes);
    this.waiting += bytes.length;
    this.length += bytes.length;
    if (this.waiting >= 2 ** 20) await this.flush();
  }

  async finish(): Promise<void> {
    await this.flush();
    await this.handle.sync();
  }

  close(): Promise<void> {
    return this.handle.close();
  }

  private async flush(): Promise<void> {
    const bytes = Buffer.concat(this.pieces);
    this.pieces = [];
    this.waiting = 0;
    await this.handle.writeFile(bytes);
  }
}
