import { check } from '@protomem/core';
import { intoNew } from '@protomem/core/node';
import { OutFile } from '../out-file.ts';

/** Two image files, and whether they are of one person. */
export interface VerificationPair {
  readonly a: Uint8Array;
  readonly b: Uint8Array;
  readonly same: boolean;
}

/** Items appended by one instruction, as Python does it. */
const BATCH = 1000;

/**
 * Writes pairs as InsightFace's verification sets are: a pickle of protocol 3, which every Python 3 reads, and
 * {@link readVerificationBin}. InsightFace takes the pairs in ten folds, equal blocks in this order: keep as many same
 * and different ones in each.
 *
 * @param path is made; nothing may be there.
 * @throws {ProtomemError} when `path` exists, or there are no pairs. Nothing is left then.
 *
 * @example
 * ```ts
 * await writeVerificationBin('mine.bin', [{ a: await readFile('1.jpg'), b: await readFile('2.jpg'), same: true }]);
 * ```
 */
export async function writeVerificationBin(
  path: string,
  pairs: Iterable<VerificationPair> | AsyncIterable<VerificationPair>,
): Promise<void> {
  const where = 'writeVerificationBin';
  await intoNew(where, path, async (temporary) => {
    const file = await OutFile.create(temporary);
    try {
      const same: boolean[] = [];
      await file.write(Buffer.from('\x80\x03](', 'latin1'));
      for await (const pair of pairs) {
        if (same.length > 0 && same.length % BATCH === 0) await file.write(Buffer.from('e('));
        for (const image of [pair.a, pair.b]) {
          check(image.length < 2 ** 31, () => ({
            where,
            what: `an image of pair ${same.length}`,
            got: `${image.length} bytes`,
            expected: `less than ${2 ** 31}`,
          }));
          const head = Buffer.from('B....');
          head.writeUInt32LE(image.length, 1);
          await file.write(head);
          await file.write(image);
        }
        same.push(pair.same);
      }
      check(same.length > 0, () => ({ where, what: 'pairs', got: 'none', expected: 'one at least' }));
      const flags = same.map((flag) => (flag ? '\x88' : '\x89')).join('');
      await file.write(Buffer.from(`e](${flags}e\x86.`, 'latin1'));
      await file.finish();
    } finally {
      await file.close();
    }
  });
}
