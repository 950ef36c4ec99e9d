import { basename, extname } from 'node:path';
import { ProtomemError, type Remarks } from '@protomem/core';
import type { ByteReader } from '../byte-reader.ts';
import { IdentityNumbers } from '../identity-numbers.ts';
import { PackedBuilder } from '../packed-builder.ts';
import type { PackedIndex } from '../packed-source.ts';
import { groupOf, imageOf, labelFields, labelOf, refuseUnlabelled, type Sample, samplesIn } from './sample.ts';
import { type TarMember, tarMembers } from './tar.ts';

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
  const { remarks } = builder;
  // Without any label, folders say who it is; a label anywhere means that others are missing.
  let labelled = field !== undefined;
  let unlabelled: { readonly sample: Sample; readonly file: string } | undefined;
  const identities = new IdentityNumbers();
  for (const [file, shard] of shards.entries()) {
    const reader = await shard.open();
    try {
      for await (const sample of samplesOf(reader, remarks)) {
        const image = imageOf(sample, reader.file, remarks);
        labelled ||= labelFields.some((one) => sample.fields.has(one));
        if (labelled && unlabelled) refuseUnlabelled(unlabelled.sample, unlabelled.file, field);
        if (!image) {
          const fields = [...sample.fields.keys()].map((one) => `.${one}`).join(', ');
          remarks.add('passed over', 'samples without an image', `${sample.key} with ${fields}`);
          continue;
        }
        if (!labelled && sample.key.includes('/')) {
          unlabelled ??= { sample, file: reader.file };
          remarks.add('assumed', 'images without a label, whose folder is taken for who it is', image.name);
        }
        const label = await labelOf(sample, reader, unlabelled ? '.' : field);
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

/** Files of an archive that follow each other and belong together. */
async function* samplesOf(reader: ByteReader, remarks: Remarks): AsyncGenerator<Sample> {
  let key: string | undefined;
  let members: TarMember[] = [];
  for await (const member of tarMembers(reader)) {
    const group = groupOf(member.name);
    if ('reason' in group) {
      remarks.add('passed over', group.reason, member.name);
      continue;
    }
    if (key !== undefined && group.key !== key) {
      yield* samplesIn(key, members, reader.file);
      members = [];
    }
    key = group.key;
    members.push(member);
  }
  if (key !== undefined) yield* samplesIn(key, members, reader.file);
}
