import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { npyHeader, readNpy } from './npy.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'protomem-npy-'));
});
afterAll(() => rm(folder, { recursive: true }));

const python = process.env.PROTOMEM_PYTHON ?? 'python3';
const numpy = spawnSync(python, ['-c', 'import numpy; print(numpy.__version__)'], { encoding: 'utf8' });
if (numpy.status !== 0) console.log(`Skipped: ${python} has no numpy (set PROTOMEM_PYTHON to one that has).`);

async function written(name: string, ...parts: Uint8Array[]): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, Buffer.concat(parts));
  return path;
}

const values = Float32Array.of(1, -2.5, 3, 0, 1e-3, 7);
const bytes = new Uint8Array(values.buffer);

describe('readNpy', () => {
  it('reads what npyHeader heads', async () => {
    const found = await readNpy(await written('a.npy', npyHeader([3, 2]), bytes));
    expect(found.shape).toEqual([3, 2]);
    expect([...found.values]).toEqual([...values]);
    expect((npyHeader([3, 2]).length + 0) % 64).toBe(0);
    expect((await readNpy(await written('b.npy', npyHeader([6]), bytes))).shape).toEqual([6]);
  });

  it.skipIf(numpy.status !== 0)('exchanges arrays with numpy, of every kind of float', async () => {
    const script = `
import numpy as np
a = np.load('ours.npy'); assert a.shape == (3, 2) and a.dtype == np.float32, a
for kind in ('<f2', '<f4', '<f8', '>f4', '>f8'): np.save(kind[1:] + ('l' if kind[0] == '<' else 'b'), a.astype(kind))
np.save('ints', a.astype(int)); np.save('fortran', np.asfortranarray(a)); np.save('objects', np.array([{}], object))
np.save('half', np.array([0, 6e-8, 65504, -1, np.inf, 0.1], np.float16))`;
    await written('ours.npy', npyHeader([3, 2]), bytes);
    const { status, stderr } = spawnSync(python, ['-c', script], { cwd: folder, encoding: 'utf8' });
    expect(status, stderr).toBe(0);
    for (const name of ['f2l', 'f4l', 'f8l', 'f4b', 'f8b']) {
      const found = await readNpy(join(folder, `${name}.npy`));
      expect(found.shape).toEqual([3, 2]);
      for (const [i, value] of values.entries()) expect(found.values[i]).toBeCloseTo(value, name === 'f2l' ? 5 : 12);
    }
    const { values: half } = await readNpy(join(folder, 'half.npy'));
    expect(half[1]).toBeCloseTo(6e-8, 9);
    expect([half[0], half[2], half[3], half[4]]).toEqual([0, 65504, -1, Number.POSITIVE_INFINITY]);
    await expect(readNpy(join(folder, 'ints.npy'))).rejects.toThrow('descr is "<i8", expected one of <f4');
    await expect(readNpy(join(folder, 'fortran.npy'))).rejects.toThrow('fortran_order is "True"');
    await expect(readNpy(join(folder, 'objects.npy'))).rejects.toThrow('descr is "|O"');
  });

  it('refuses what is cut, longer than it says, or something else', async () => {
    const head = npyHeader([3, 2]);
    await expect(readNpy(await written('cut.npy', head, bytes.subarray(4)))).rejects.toThrow(
      'length is "20 bytes of numbers", expected 24 for the shape (3,2)',
    );
    await expect(readNpy(await written('long.npy', head, bytes, bytes))).rejects.toThrow('48 bytes of numbers');
    await expect(readNpy(await written('text.npy', Buffer.from('hello, this is text')))).rejects.toThrow('offset 0');
    await expect(readNpy(await written('short.npy', head.subarray(0, 40)))).rejects.toThrow('offset 8 is 118');
    await expect(readNpy(await written('v9.npy', Buffer.from('\x93NUMPY\x09\x00abcdef', 'latin1')))).rejects.toThrow(
      'offset 6 is 9',
    );
    const huge = Buffer.from(Buffer.from(head).toString('latin1').replace('(3, 2), }    ', '(3, 20000)}'), 'latin1');
    await expect(readNpy(await written('huge.npy', huge, bytes))).rejects.toThrow('length is');
    await expect(readNpy(join(folder, 'nowhere.npy'))).rejects.toThrow(
      /^readNpy: .*nowhere\.npy is "missing", expected a file of numpy\.save/,
    );
  });
});
