import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';

/**
 * A wheel with the given members, stored without compression, and a RECORD of their hashes.
 *
 * @param tampered members whose content is changed after RECORD was made
 */
export function makeWheel(members: Readonly<Record<string, string>>, tampered: readonly string[] = []): Buffer {
  const record = Object.entries(members).map(([name, text]) => {
    const hash = createHash('sha256').update(text).digest('base64url');
    return `${name},sha256=${hash},${Buffer.byteLength(text)}`;
  });
  const files = Object.entries(members).map(([name, text]) => [name, tampered.includes(name) ? `${text}!` : text]);
  return zip([...files, ['fake-1.dist-info/RECORD', record.join('\n')]] as [string, string][]);
}

function zip(files: readonly [string, string][]): Buffer {
  const [locals, centrals]: [Buffer[], Buffer[]] = [[], []];
  let offset = 0;
  for (const [name, text] of files) {
    const content = Buffer.from(text);
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt32LE(crc32(content), 10);
    common.writeUInt32LE(content.length, 14);
    common.writeUInt32LE(content.length, 18);
    common.writeUInt16LE(Buffer.byteLength(name), 22);
    const local = Buffer.concat([Buffer.from('PK\x03\x04'), common, Buffer.from(name), content]);
    const rest = Buffer.alloc(14);
    rest.writeUInt32LE(offset, 10);
    centrals.push(Buffer.concat([Buffer.from('PK\x01\x02\x14\x00', 'latin1'), common, rest, Buffer.from(name)]));
    locals.push(local);
    offset += local.length;
  }
  const central = Buffer.concat(centrals);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  end.writeUInt16LE(files.length, 8);
  end.writeUInt16LE(files.length, 10);
  end.writeUInt32LE(central.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...locals, central, end]);
}
