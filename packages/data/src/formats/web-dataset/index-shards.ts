import { basename, extname } from 'node:path';
import { ProtomemError } from '@protomem/core';
import type { ByteReader } from '../byte-reader.ts';
import { IdentityNumbers } from '../identity-numbers.ts';
import { PackedBuilder } from '../packed-builder.ts';
import type { PackedIndex } from '../packed-source.ts';
import { imageOf, labelOf, type Sample, splitName } from './sample.ts';
import { tarMembers } from './tar.ts';

/**
 * Finds the images of all shards and who is on them. Reads headers and labels, no image.
 *
 * @param name what the user calls the data set.
 * @param shards opened one after the other.
 * @param field as option `identity` of `webDatasetSource`.
 */
export async function indexShards(
  name: string,
  shards: readonly { readonly path: string; open(): Promise<ByteReader> }[],
  field: string | undefined,
): Promise<PackedIndex> {
  const builder = new PackedBuilder();
  const identities = new IdentityNumbers();
  for (const [file, shard] of shards.entries()) {
    const reader = await shard.open();
    try {
      for await (const sample of samplesOf(reader)) {
        const image = imageOf(sample, reader.file);
        if (!image) continue;
        const label = await labelOf(sample, reader, field);
        const place = () => [reader.file, `offset ${image.offset}`] as const;
        const identity = identities.numberOf(label.label, label.identity, place);
        const own = label.image ?? basename(sample.key) + extname(image.name).toLowerCase();
        builder.push({ identity, name: own, file, offset: image.offset, length: image.size });
      }
    } finally {
      await reader.close();
    }
  }
  if (builder.images === 0) {
    const expected = 'at least one: a .jpg, .png or .webp in a sample';
    throw new ProtomemError({ where: 'webDatasetSource', what: name, got: 'without images', expected });
  }
  const { names, rank } = identities.ranked();
  const files = shards.map(({ path }) => path);
  return builder.build(name, files, names, 'nothing', rank);
}

/** Files of an archive that follow each other and have the same name up to the first dot. */
async function* samplesOf(reader: ByteReader): AsyncGenerator<Sample> {
  let sample: Sample | undefined;
  for await (const member of tarMembers(reader)) {
    const split = splitName(member.name);
    if (!split) continue;
    const [key, field] = split;
    if (sample?.key !== key) {
      if (sample) yield sample;
      sample = { key, fields: new Map() };
    }
    if (sample.fields.has(field)) {
      const expected = 'each field once in a sample';
      throw new ProtomemError({
        where: reader.file,
        what: `offset ${member.offset}`,
        got: `${member.name} again`,
        expected,
      });
    }
    sample.fields.set(field, member);
  }
  if (sample) yield sample;
}
