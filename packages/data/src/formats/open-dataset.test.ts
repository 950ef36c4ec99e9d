import { describe, expect, it } from 'vitest';
import { openDataset } from './open-dataset.ts';
import { writeDataset } from './write-dataset.ts';

describe('openDataset and writeDataset', () => {
  it('say what is wrong with a path, a format or an option', async () => {
    await expect(openDataset('/nowhere')).rejects.toThrow(/\/nowhere is "missing", expected recordio \(.*folder \(/);
    await expect(openDataset('/nowhere/lfw.bin')).rejects.toThrow('open it with readVerificationBin');
    await expect(openDataset('/nowhere', { format: 'recordoi' as never })).rejects.toThrow('Did you mean "recordio"?');
    const misspelled = { formats: 'lmdb' };
    await expect(openDataset('/nowhere', misspelled)).rejects.toThrow('Did you mean "format"?');
    await expect(writeDataset({} as never, '/nowhere', { format: 'zip' as never })).rejects.toThrow(
      'writeDataset: format is "zip", expected one of recordio, webdataset, list, lmdb, folder.',
    );
  });
});
