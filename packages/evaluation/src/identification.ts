import { check, integer, number, type OptionsOf, option, readOptions } from '@protomem/core';
import { Highest } from './highest.ts';
import { checkIds, checkRows, forEachRow, productOptions } from './matrix-product.ts';

/** Unit vectors and whose they are. */
export interface Subjects {
  /** `[N, width]`, row-major. */
  readonly features: Float32Array;
  /** N ids. */
  readonly subjects: ArrayLike<number>;
}

const identificationOptions = {
  ...productOptions,
  ranks: option.numbers({ help: 'Ranks to look at.', default: [1, 5, 10] }),
  fpirs: option.numbers({ help: 'False positive identification rates.', default: [0.01, 0.1] }),
};

export type IdentificationOptions = OptionsOf<typeof identificationOptions>;

/** A rate of probes whose own entry is among the k most alike. */
export interface RankRate {
  readonly rank: number;
  readonly rate: number;
}

/** True positive identification rate at a false positive identification rate. */
export interface TpirAtFpir {
  readonly fpir: number;
  readonly tpir: number;
  /** One for each gallery. */
  readonly thresholds: readonly number[];
}

export interface Identification {
  /** By which rules, so that figures of the two are never taken for each other. */
  readonly convention: 'separate galleries' | 'merged galleries';
  readonly ranks: readonly RankRate[];
  readonly tpirAtFpir: readonly TpirAtFpir[];
  /** Probes with an entry in a gallery (in all galleries together), and without. */
  readonly mated: number;
  readonly nonMated: number;
}

/**
 * Open-set identification against each gallery by itself, then averaged. A probe without an entry is a stranger to that
 * gallery; the threshold of FPIR f is the `max(floor(n f) - 1, 0)`-th of the n strangers' best scores, highest first,
 * counted from 0. A probe with an entry counts when that entry scores highest *and* above the threshold. Ranks are hits
 * over all galleries divided by all mated probes.
 *
 * @param galleries one entry for each subject in each.
 * @param width of the features.
 * @throws ProtomemError when a gallery has a subject twice, or all probes or none have entries in it.
 *
 * @example
 * ```ts
 * const { ranks, tpirAtFpir } = await identifySeparately(probes, [galleryG1, galleryG2], 512);
 * ```
 *
 * Source: `ijb_evals.py` of InsightFace, `evaluation_1N`. Differs: an entry that ties with another one loses its rank.
 */
export async function identifySeparately(
  probes: Subjects,
  galleries: readonly Subjects[],
  width: number,
  options: IdentificationOptions = {},
): Promise<Identification> {
  const where = 'identifySeparately';
  const { ranks, fpirs, product } = readOptions(where, identificationOptions, options);
  checkTargets(where, ranks, fpirs, galleries);
  checkSubjects(where, 'probes', probes, width);
  const perGallery: { readonly mates: readonly Mate[]; readonly strangers: readonly number[] }[] = [];
  for (const [g, gallery] of galleries.entries()) {
    checkSubjects(where, `galleries[${g}]`, gallery, width);
    const rows = rowOfSubject(where, g, gallery.subjects);
    const mates: Mate[] = [];
    const strangers: number[] = [];
    await forEachRow(
      probes.features,
      gallery.features,
      width,
      (probe, scores) => {
        const row = rows.get(probes.subjects[probe]!);
        if (row === undefined) strangers.push(largest(scores, -1));
        else mates.push({ score: scores[row]!, above: notBelow(scores, row), next: largest(scores, row) });
      },
      product,
    );
    check(mates.length > 0 && strangers.length > 0, () => ({
      where,
      what: `probes of galleries[${g}]`,
      got: `${mates.length} with an entry and ${strangers.length} without`,
      expected: 'some of each',
      fix: 'Where every probe has an entry, identifyMerged is the rule.',
    }));
    strangers.sort((a, b) => b - a);
    perGallery.push({ mates, strangers });
  }
  const mated = perGallery.reduce((sum, { mates }) => sum + mates.length, 0);
  return {
    convention: 'separate galleries',
    ranks: ranks.map((rank) => ({
      rank,
      rate: perGallery.reduce((sum, { mates }) => sum + mates.filter(({ above }) => above < rank).length, 0) / mated,
    })),
    tpirAtFpir: fpirs.map((fpir) => {
      const points = perGallery.map(({ mates, strangers }) => {
        const threshold = strangers[Math.max(Math.floor(strangers.length * fpir) - 1, 0)]!;
        const found = mates.filter(({ score, next }) => score > next && score > threshold).length;
        return { threshold, tpir: found / mates.length };
      });
      return {
        fpir,
        tpir: points.reduce((sum, { tpir }) => sum + tpir, 0) / points.length,
        thresholds: points.map(({ threshold }) => threshold),
      };
    }),
    mated,
    nonMated: perGallery.reduce((sum, { strangers }) => sum + strangers.length, 0),
  };
}

/**
 * Closed-set identification against all galleries as one: every probe has an entry. The threshold of FPIR f is the
 * `ceil(f probes)`-th highest of *all* scores with other people's entries, not of each probe's best; a probe counts when
 * its own entry scores above it, whatever others score. Neither the threshold nor the rate is comparable with those of
 * {@link identifySeparately}.
 *
 * @throws ProtomemError when a subject has two entries or a probe has none.
 *
 * Source: InsightFace, recognition/_evaluation_/ijb/ijb_1n.py, `evaluation`. Differs as {@link identifySeparately} does.
 */
export async function identifyMerged(
  probes: Subjects,
  galleries: readonly Subjects[],
  width: number,
  options: IdentificationOptions = {},
): Promise<Identification> {
  const where = 'identifyMerged';
  const { ranks, fpirs, product } = readOptions(where, identificationOptions, options);
  checkTargets(where, ranks, fpirs, galleries);
  const count = checkSubjects(where, 'probes', probes, width);
  for (const [g, gallery] of galleries.entries()) checkSubjects(where, `galleries[${g}]`, gallery, width);
  const subjects = galleries.flatMap((gallery) => Array.from(gallery.subjects));
  const features = new Float32Array(subjects.length * width);
  let at = 0;
  for (const gallery of galleries) {
    features.set(gallery.features, at);
    at += gallery.features.length;
  }
  const rows = rowOfSubject(where, undefined, subjects);
  check(subjects.length > 1, () => ({
    where,
    what: 'subjects in the galleries',
    got: subjects.length,
    expected: 'at least 2: the scores of others make the thresholds',
  }));
  const wanted = fpirs.map((fpir) => Math.max(1, Math.ceil(count * fpir)));
  const others = new Highest(Math.max(1, ...wanted));
  const own = new Float32Array(count);
  const above = new Uint32Array(count);
  await forEachRow(
    probes.features,
    features,
    width,
    (probe, scores) => {
      const row = rows.get(probes.subjects[probe]!);
      check(row !== undefined, () => ({
        where,
        what: `probe ${probe}`,
        got: `subject ${probes.subjects[probe]}`,
        expected: 'a subject of a gallery',
        fix: 'Where some probes have no entry, identifySeparately is the rule.',
      }));
      own[probe] = scores[row!]!;
      above[probe] = notBelow(scores, row!);
      for (let j = 0; j < scores.length; j++) if (j !== row) others.add(scores[j]!);
    },
    product,
  );
  const best = others.sorted();
  return {
    convention: 'merged galleries',
    ranks: ranks.map((rank) => ({ rank, rate: above.filter((others) => others < rank).length / count })),
    tpirAtFpir: fpirs.map((fpir, i) => {
      const threshold = best[Math.min(wanted[i]!, best.length) - 1]!;
      return { fpir, tpir: own.filter((score) => score > threshold).length / count, thresholds: [threshold] };
    }),
    mated: count,
    nonMated: 0,
  };
}

/** A probe's own entry: its score, how many others score as high, and the best of those. */
interface Mate {
  readonly score: number;
  readonly above: number;
  readonly next: number;
}

function checkTargets(
  where: string,
  ranks: readonly number[],
  fpirs: readonly number[],
  galleries: readonly unknown[],
): void {
  for (const rank of ranks) integer(where, 'a rank', rank, 1);
  for (const fpir of fpirs) number(where, 'an FPIR', fpir, 0, 1);
  check(galleries.length > 0, () => ({ where, what: 'galleries', got: 'none', expected: 'at least one' }));
}

function checkSubjects(where: string, what: string, { features, subjects }: Subjects, width: number): number {
  const rows = checkRows(where, what, features, width);
  checkIds(where, `${what}.subjects`, subjects, rows);
  return rows;
}

function rowOfSubject(where: string, gallery: number | undefined, subjects: ArrayLike<number>): Map<number, number> {
  const rows = new Map<number, number>();
  for (let row = 0; row < subjects.length; row++) {
    check(!rows.has(subjects[row]!), () => ({
      where,
      what: gallery === undefined ? 'the galleries' : `galleries[${gallery}]`,
      got: `subject ${subjects[row]} in rows ${rows.get(subjects[row]!)} and ${row}`,
      expected: 'one template for each subject',
      fix: 'Pool all images of a subject into one template first.',
    }));
    rows.set(subjects[row]!, row);
  }
  return rows;
}

/** How many other entries score at least as high. */
function notBelow(scores: Float32Array, row: number): number {
  const own = scores[row]!;
  let count = -1;
  for (let j = 0; j < scores.length; j++) if (scores[j]! >= own) count++;
  return count;
}

function largest(scores: Float32Array, except: number): number {
  let best = Number.NEGATIVE_INFINITY;
  for (let j = 0; j < scores.length; j++) if (j !== except && scores[j]! > best) best = scores[j]!;
  return best;
}
