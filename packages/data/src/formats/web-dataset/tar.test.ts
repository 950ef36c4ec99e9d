import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { damage } from '../../../fixtures/damage.ts';
import { boundedReader, fuzz, fuzzTimeout } from '../../../fixtures/fuzz.ts';
import { type ByteReader, bytesReader } from '../byte-reader.ts';
import { indexShards } from './index-shards.ts';
import { blocks, type TarMember, tarMembers } from './tar.ts';

const golden = (name: string): Promise<Buffer> =>
  readFile(fileURLToPath(new URL(`../../../fixtures/web-dataset/${name}.tar`, import.meta.url)));

async function membersOf(bytes: Uint8Array): Promise<TarMember[]> {
  const members: TarMember[] = [];
  for await (const member of tarMembers(bytesReader('a.tar', bytes))) members.push(member);
  return members;
}

/** A header block whose checksum fits, whatever the other bytes. */
function seal(block: Buffer): void {
  block.write('        ', 148);
  block.write(
    `${block
      .reduce((sum, byte) => sum + byte, 0)
      .toString(8)
      .padStart(6, '0')}\0`,
    148,
  );
}

/** An archive of members with any header. */
function archive(
  ...members: { name: string; type?: string; content?: string; size?: string | Buffer; magic?: string }[]
): Buffer {
  const parts = members.flatMap(({ name, type = '0', content = '', size, magic = 'ustar\u000000' }) => {
    const header = Buffer.alloc(512);
    header.write(name);
    const length = Buffer.byteLength(content);
    header.set(Buffer.from(size ?? length.toString(8).padStart(11, '0')), 124);
    header.write(type, 156);
    header.write(magic, 257);
    seal(header);
    return [header, Buffer.from(content), Buffer.alloc(blocks(length) - length)];
  });
  return Buffer.concat([...parts, Buffer.alloc(1024)]);
}

describe('tarMembers', () => {
  it('leaves out the folder that `tar cf x.tar .` begins every name with', async () => {
    const found = await membersOf(archive({ name: './1.jpg', content: 'a' }, { name: './Ada/1.jpg', content: 'a' }));
    expect(found.map(({ name }) => name)).toEqual(['1.jpg', 'Ada/1.jpg']);
  });

  it('reads sizes in base 256, with blanks, and from attributes; old archives without magic', async () => {
    const large = Buffer.alloc(12);
    large[0] = 128;
    large[11] = 3;
    const files = archive(
      { name: 'a', content: 'abc', size: large },
      { name: 'b', content: 'abc', size: '          3 ' },
      { name: 'p', type: 'x', content: '10 size=3\n12 path=ccc\n' },
      { name: 'c', content: 'abc', size: '00000000000' },
      { name: 'd', content: 'abc', type: '\0', magic: '' },
      { name: 'folder/', type: '5' },
      { name: 'V', type: 'V' },
      { name: 'comment', type: 'g', content: '14 comment=hi\n' },
      { name: 'long', type: 'L', content: `${'n'.repeat(300)}\0` },
      { name: 'nnn', content: 'abc' },
      { name: 'e' },
    );
    const found = await membersOf(files);
    expect(found.map(({ name }) => name)).toEqual(['a', 'b', 'ccc', 'd', 'n'.repeat(300), 'e']);
    for (const { name, offset, size } of found) {
      expect(files.toString('latin1', offset, offset + size)).toBe(name === 'e' ? '' : 'abc');
    }
  });

  it('holds sizes against the file before anything is allocated', async () => {
    const huge = Buffer.alloc(12, 255);
    huge[0] = 128;
    for (const [size, message] of [
      [huge, 'a size of'],
      [Buffer.alloc(12, 255), 'a size of'],
      ['77777777777', 'a member of 8589934591 bytes'],
      ['1e3', 'a size of no digits'],
      ['-0000000001', 'a size of no digits'],
    ] as const) {
      await expect(membersOf(archive({ name: 'a', size }))).rejects.toThrow(message);
    }
    await expect(membersOf(archive({ name: 'a', type: 'L', content: 'x'.repeat(2 ** 20 + 1) }))).rejects.toThrow(
      'an extended header of 1048577 bytes',
    );
    const attributes = (content: string): Buffer => archive({ name: 'p', type: 'x', content }, { name: 'a' });
    for (const content of ['9999 size=3\n', '0 a=b\n', '5 a=b\n', '7 a=bcd', 'x', '-6 a=b\n', '6 =ab\n']) {
      await expect(membersOf(attributes(content)), content).rejects.toThrow('no attribute');
    }
    await expect(membersOf(attributes('11 size=-3\n'))).rejects.toThrow('a size of -3');
    await expect(membersOf(attributes('23 size=99999999999999\n'))).rejects.toThrow('a member of');
    await expect(membersOf(archive({ name: 'g', type: 'g', content: '10 path=a\n' }))).rejects.toThrow(
      'for all members',
    );
  });

  it.each(['1', '2', '3', '4', '6', 'M', 'S', 'Z'])('refuses members of type %s', async (type) => {
    await expect(membersOf(archive({ name: 'a.jpg', type }))).rejects.toThrow(/offset 0 is "a.jpg: .*plain files/);
  });
});

it(
  'refuses damaged archives with an error of its own, and reads no more than 1 MiB at a time',
  fuzzTimeout,
  async () => {
    const seeds = await Promise.all(['gnu', 'pax', 'python-pax', 'python-gnu'].map(golden));
    await fuzz('webdataset: tar', async (random, i) => {
      const bytes = damage(seeds[i % 4]!, random);
      // Half of them with checksums that fit, so that what is behind the checksum is tried.
      if (i % 8 < 4) {
        for (let at = 0; at + 512 <= bytes.length; at += 512) {
          const block = bytes.subarray(at, at + 512);
          if (block.toString('latin1', 257, 262) !== 'ustar') continue;
          if (random.below(8) === 0) block.writeUInt32LE(random.uint32(), [0, 124, 132, 156][random.below(4)]!);
          seal(block);
        }
      }
      const open = async (): Promise<ByteReader> => boundedReader('a.tar', bytes, 2 ** 20);
      await indexShards('a.tar', [{ path: 'a.tar', open }], undefined);
    });
  },
);
