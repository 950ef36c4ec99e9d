import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ProtomemError } from '@protomem/core';
import { readIjbFaces, readIjbMembers, readIjbPairs, readIjbSubjects } from '@protomem/data';
import {
  identifyMerged,
  identifySeparately,
  poolTemplates,
  type Subjects,
  takeRows,
  tarAtFars,
  templatePairScores,
  templateRows,
} from '@protomem/evaluation';
import { alignedFaces } from '../aligned-faces.ts';
import type { Embedder } from '../embed-faces.ts';
import type { IdentificationOutcome, PairOutcome } from '../outcome.ts';
import type { Protocol, ProtocolSettings } from '../protocol.ts';
import { tensorProduct } from '../tensor-product.ts';

const ijbFars = [1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6];

export const ijbOneToOne: Protocol = {
  title: 'IJB 1:1',
  about: 'template pairs of IJB-B or IJB-C; meta: the folder of ijbc_face_tid_mid.txt',
  needs: ['meta'],
  takes: ['images', 'aligned', 'thresholdRule'],
  run: ijbVerification,
};

export const ijbOneToMany: Protocol = {
  title: 'IJB 1:N',
  about: 'probes against both galleries, by both conventions',
  needs: ['meta'],
  takes: ['images', 'aligned'],
  run: ijbIdentification,
};

/** Templates of all images that IJB's list names. */
async function ijbTemplates(embedder: Embedder, options: ProtocolSettings) {
  const meta = options.meta!;
  const members = await readIjbMembers(await metaFile(meta, /_face_tid_mid\.txt$/));
  const detected = await readIjbFaces(await metaFile(meta, /_name_5pts_score\.txt$/));
  const placeOf = new Map(detected.images.map((name, i) => [name, i]));
  const names = [...new Set(members.images)];
  const places = names.map((name) => {
    const place = placeOf.get(name);
    if (place !== undefined) return place;
    const expected = 'landmarks of every image that is in a template';
    throw new ProtomemError({ where: meta, what: name, got: 'without a line in *_name_5pts_score.txt', expected });
  });
  const source = alignedFaces(options.images, names, options.aligned ? undefined : { detected, places });
  const { values, width } = await embedder.embed({ names, source });
  const rowOf = new Map(names.map((name, row) => [name, row]));
  const rows = members.images.map((name) => rowOf.get(name)!);
  const embeddings = takeRows(values, width, rows);
  const detectorScores = rows.map((row) => detected.scores[places[row]!]!);
  return { templates: poolTemplates(embeddings, width, members, { detectorScores }), width };
}

async function ijbVerification(embedder: Embedder, options: ProtocolSettings): Promise<PairOutcome> {
  const list = await readIjbPairs(await metaFile(options.meta!, /_template_pair_label\.txt$/));
  const { templates } = await ijbTemplates(embedder, options);
  const scores = templatePairScores(templates, list.pairs);
  return {
    kind: 'pairs',
    scores,
    labels: list.labels,
    folds: 10,
    fars: ijbFars,
    nearest: tarAtFars(scores, list.labels, ijbFars, { rule: 'nearest' }),
  };
}

async function ijbIdentification(embedder: Embedder, options: ProtocolSettings): Promise<IdentificationOutcome> {
  const meta = options.meta!;
  const lists = {
    galleries: [
      await readIjbSubjects(await metaFile(meta, /_1N_gallery_[GS]1\.csv$/)),
      await readIjbSubjects(await metaFile(meta, /_1N_gallery_[GS]2\.csv$/)),
    ],
    probes: await readIjbSubjects(await metaFile(meta, /_1N_probe_mixed\.csv$/)),
  };
  const { templates, width } = await ijbTemplates(embedder, options);
  const subjectsOf = ({ templates: ids, subjects }: (typeof lists)['probes']): Subjects => {
    const features = takeRows(templates.features, width, templateRows(templates, ids, 'ijb-1:n'));
    return { features, subjects };
  };
  const [probes, galleries] = [subjectsOf(lists.probes), lists.galleries.map(subjectsOf)];
  const product = tensorProduct;
  return {
    kind: 'identification',
    results: [
      await identifySeparately(probes, galleries, width, { product }),
      await identifyMerged(probes, galleries, width, { product }),
    ],
  };
}

async function metaFile(folder: string, pattern: RegExp): Promise<string> {
  const names = (await readdir(folder).catch(() => [])).filter((name) => pattern.test(name));
  if (names.length === 1) return join(folder, names[0]!);
  throw new ProtomemError({
    where: 'evaluate',
    what: '--meta',
    got: `${folder} with ${names.length} files like ${pattern.source}`,
    expected: 'one of each of the meta files of IJB-B or IJB-C',
  });
}
