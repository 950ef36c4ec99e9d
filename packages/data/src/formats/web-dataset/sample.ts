import { isObject, ProtomemError, parseJson, type Remarks, unreadReasons } from '@protomem/core';
import { imageExtensions } from '../../sources/image-files.ts';
import type { ByteReader } from '../byte-reader.ts';
import { plainNumber } from '../identity-numbers.ts';
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

const OTHER_FIELD = 'Where another field tells who it is, name it with `identity` (--identity).';

const isImage = (field: string): boolean => imageExtensions.includes(`.${field}`);

/** Dots from the end of a name at which a sample's name may end. */
const MAX_DOTS = 16;

/** Fields that say who it is, where none is asked for. */
export const labelFields = ['cls', 'json', 'txt'] as const;

/**
 * What files belong to together: the name up to the first dot, as WebDataset has it. Or, why a file belongs to no sample.
 */
export function groupOf(name: string): { readonly key: string } | { readonly reason: string } {
  const [, folder, file] = /^(.*\/)?([^/]*)$/s.exec(name)!;
  if (/^__[^/]*__(\/|\.|$)/.test(name)) return { reason: 'names that WebDataset keeps for itself (`__...__`)' };
  if (file!.startsWith('.')) return { reason: unreadReasons.hidden };
  const dot = file!.indexOf('.');
  if (dot < 0 || dot === file!.length - 1) return { reason: 'files without an ending' };
  return { key: (folder ?? '') + file!.slice(0, dot) };
}

/**
 * The samples of files that follow each other and share a name up to the first dot. By the format's convention they are
 * one, `000012.mask.png` being a field of `000012`. But where none of them is its image, dots belong to names, such as
 * `J.Doe_0001.jpg`: then each image is a sample, called by all before its last dot, and other files belong to the longest
 * such name that they begin with.
 *
 * @param key what they share.
 */
export function samplesIn(key: string, members: readonly TarMember[], file: string): Sample[] {
  const fieldIn = (sample: string, name: string): string => name.slice(sample.length + 1).toLowerCase();
  const stems = new Set<string>();
  let conventional = false;
  for (const { name } of members) {
    if (isImage(fieldIn(key, name))) conventional = true;
    else if (isImage(endingOf(name))) stems.add(name.slice(0, name.lastIndexOf('.')));
  }
  /** The longest of some names that a longer one begins with. */
  const ownerOf = (name: string, keys: ReadonlySet<string>): string | undefined => {
    for (
      let dot = name.lastIndexOf('.'), i = 0;
      dot > key.length && i < MAX_DOTS;
      dot = name.lastIndexOf('.', dot - 1), i++
    ) {
      if (keys.has(name.slice(0, dot))) return name.slice(0, dot);
    }
    return undefined;
  };
  if (!conventional && stems.size > 0) {
    const others = members.filter(({ name }) => !isImage(endingOf(name)));
    const labelled = new Set(others.map(({ name }) => ownerOf(name, stems) ?? key));
    // With labels in the group, an image without one that lies under another name is a field of that.
    for (const stem of [...stems]) {
      const within = labelled.has(key) || ownerOf(stem, stems) !== undefined;
      if (labelled.size > 0 && !labelled.has(stem) && within) stems.delete(stem);
    }
  } else stems.clear();
  const samples = new Map<string, Sample>();
  for (const member of members) {
    const own = ownerOf(member.name, stems) ?? key;
    const sample = samples.get(own) ?? { key: own, fields: new Map<string, TarMember>() };
    samples.set(own, sample);
    const field = fieldIn(own, member.name);
    if (sample.fields.has(field)) refuse(file, member.offset, `${member.name} again`, 'each field once in a sample');
    sample.fields.set(field, member);
  }
  return [...samples.values()];
}

/** The image of a sample; none when it has none. A field such as `mask.png` is not its image, and counted. */
export function imageOf({ key, fields }: Sample, file: string, remarks: Remarks): TarMember | undefined {
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
  for (const [field, { name }] of fields) {
    if (image && !isImage(field) && isImage(endingOf(field)))
      remarks.add('passed over', 'further images of a sample', name);
  }
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
  const number = plainNumber(textOf(json?.label));
  const names = { identity: textOf(json?.identity), image: textOf(json?.name) };
  if (field?.startsWith('json')) {
    const label = field === 'json' ? (number ?? names.identity) : textOf(json?.[field.slice(5)]);
    if (label !== undefined) return field === 'json' ? { label, ...names } : { label, image: names.image };
  } else {
    const own = await contentOf(fields.get(field ?? 'cls'), reader);
    const label =
      ((field ?? 'cls') === 'cls' ? plainNumber(own) : own) ??
      (field ? undefined : (number ?? names.identity ?? (await contentOf(fields.get('txt'), reader))));
    if (label) return { label, ...names };
  }
  return refuseUnlabelled(sample, file, field);
}

/** @throws {ProtomemError} always. */
export function refuseUnlabelled({ key, fields }: Sample, file: string, field: string | undefined): never {
  const first = fields.values().next().value as TarMember;
  const wanted = field ? `.${field.replace('.', ', key ')}` : '.cls, .json with "label" or "identity", or .txt';
  return refuse(
    file,
    first.offset,
    `${key} with ${[...fields.keys()].map((own) => `.${own}`).join(', ')}`,
    `who it is: ${wanted}`,
    'Files of a sample must follow each other (tar --sort=name). `identity` (--identity) names the field, "." the folder.',
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
  return isObject(value)
    ? value
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

/** What follows the last dot. */
const endingOf = (name: string): string => name.slice(name.lastIndexOf('.') + 1).toLowerCase();

function refuse(file: string, offset: number, got: string, expected: string, fix?: string): never {
  throw new ProtomemError({ where: file, what: `offset ${offset}`, got, expected, ...(fix && { fix }) });
}
