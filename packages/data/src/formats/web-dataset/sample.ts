import { ProtomemError, parseJson } from '@protomem/core';
import { imageExtensions } from '../../sources/image-files.ts';
import type { ByteReader } from '../byte-reader.ts';
import type { TarMember } from './tar.ts';

/** Files of a tar archive that belong together, by field: `000012.jpg` is field `jpg` of sample `000012`. */
export interface Sample {
  readonly key: string;
  readonly fields: Map<string, TarMember>;
}

/** Who is on the image of a sample. */
export interface Label {
  readonly label: string;
  /** Name of the identity, where it has one besides the label. */
  readonly identity?: string | undefined;
  /** Name of the image, where it has one besides the key. */
  readonly image?: string | undefined;
}

/** Longest image, and longest field with a label, that are read. */
const MAX_IMAGE = 2 ** 30;
const MAX_LABEL = 2 ** 20;

const OTHER_FIELD = 'Where another field tells who it is, name it with option `identity`.';

/** Sample and field of a file name; none for hidden files and those without ending, nor for `__meta__` files. */
export function splitName(name: string): readonly [key: string, field: string] | undefined {
  const found = /^((?:.*\/)?[^./]+)\.([^/]+)$/s.exec(name);
  return found && !/^__[^/]*__(\/|$)/.test(found[1]!) ? [found[1]!, found[2]!.toLowerCase()] : undefined;
}

/** The image of a sample; none when it has none. A field such as `mask.png` is not its image. */
export function imageOf({ key, fields }: Sample, file: string): TarMember | undefined {
  const isImage = (field: string): boolean => imageExtensions.includes(`.${field}`);
  for (const [field, { offset }] of fields) {
    const compressed = /^(.+)\.(gz|bz2|xz|zst)$/.exec(field);
    if (!compressed || !(isImage(compressed[1]!) || ['cls', 'txt', 'json'].includes(compressed[1]!))) continue;
    refuse(file, offset, `${key}.${field}`, 'a file that is not compressed', 'Decompress the files in the shards.');
  }
  const images = [...fields].filter(([field]) => isImage(field));
  if (images.length > 1) {
    const got = images.map(([field]) => `${key}.${field}`).join(', ');
    refuse(file, images[1]![1].offset, got, 'one image in a sample', 'Write each image as a sample of its own.');
  }
  const image = images[0]?.[1];
  if (image && image.size > MAX_IMAGE) {
    refuse(file, image.offset, `${image.name} of ${image.size} bytes`, `at most ${MAX_IMAGE}`);
  }
  return image;
}

/**
 * Reads who is on the image of a sample.
 *
 * @param field as option `identity` of `webDatasetSource`.
 */
export async function labelOf(sample: Sample, reader: ByteReader, field: string | undefined): Promise<Label> {
  const { key, fields } = sample;
  const { file } = reader;
  const first = fields.values().next().value as TarMember;
  if (field === '.') {
    const folder = key.split('/').at(-2);
    return { label: folder ?? refuse(file, first.offset, first.name, 'a folder named after the identity') };
  }
  const json = field === undefined || /^json(\.|$)/.test(field) ? await jsonOf(sample, reader) : undefined;
  const names = { identity: textOf(json?.identity), image: textOf(json?.name) };
  if (field?.startsWith('json')) {
    const label = field === 'json' ? (textOf(json?.label) ?? names.identity) : textOf(json?.[field.slice(5)]);
    if (label !== undefined) return field === 'json' ? { label, ...names } : { label, image: names.image };
  } else {
    const label =
      (await contentOf(fields.get(field ?? 'cls'), reader)) ??
      (field ? undefined : (textOf(json?.label) ?? names.identity ?? (await contentOf(fields.get('txt'), reader))));
    if (label) return { label, ...names };
  }
  const wanted = field ? `.${field.replace('.', ', key ')}` : '.cls, .json with "label" or "identity", or .txt';
  return refuse(
    file,
    first.offset,
    `${key} with ${[...fields.keys()].map((own) => `.${own}`).join(', ')}`,
    `who it is: ${wanted}`,
    'Files of a sample must follow each other (tar --sort=name). Option `identity` names the field, "." the folder.',
  );
}

async function contentOf(member: TarMember | undefined, reader: ByteReader): Promise<string | undefined> {
  if (!member) return undefined;
  const { offset, size, name } = member;
  if (size > MAX_LABEL)
    refuse(reader.file, offset, `${name} of ${size} bytes`, `a label of at most ${MAX_LABEL}`, OTHER_FIELD);
  const text = Buffer.from(await reader.read(offset, size))
    .toString('utf8')
    .trim();
  return text || refuse(reader.file, offset, `${name} without content`, 'a label');
}

async function jsonOf({ fields }: Sample, reader: ByteReader): Promise<Record<string, unknown> | undefined> {
  const member = fields.get('json');
  const text = await contentOf(member, reader);
  if (!member || text === undefined) return undefined;
  const what = `offset ${member.offset}, ${member.name}`;
  const value = parseJson(text, { where: reader.file, what, fix: OTHER_FIELD });
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isObject
    ? (value as Record<string, unknown>)
    : refuse(
        reader.file,
        member.offset,
        `${member.name}: ${text.slice(0, 40)}`,
        'an object with "label" or "identity"',
        OTHER_FIELD,
      );
}

/** A value that can be a label or a name. */
function textOf(value: unknown): string | undefined {
  return (typeof value === 'string' && value !== '') || Number.isSafeInteger(value) ? String(value) : undefined;
}

function refuse(file: string, offset: number, got: string, expected: string, fix?: string): never {
  throw new ProtomemError({ where: file, what: `offset ${offset}`, got, expected, ...(fix && { fix }) });
}
