import { check, readOptions, type Settings } from '@protomem/core';
import { answerOf, checkCalibration, thresholdsFor } from './calibration.ts';
import type { Candidate, Identified } from './gallery.ts';
import { type IdentifyOptions, identifyOptions, type JudgeOptions, judgeOptions } from './gallery-options.ts';
import type { KnownPeople, Member, MemberImage } from './known-people.ts';
import type { Rows } from './rows.ts';
import { type Search, searchRows } from './search-rows.ts';
import { unitOf } from './unit.ts';

/** The people most alike to each query. */
export async function identify(
  known: KnownPeople,
  queries: Float32Array,
  options: IdentifyOptions,
  search: Search,
): Promise<Identified> {
  const { header, members } = known;
  const { top, template = header.template, ...judging } = readOptions('identify', identifyOptions, options);
  const units = unitsOf(queries, header.width);
  const count = units.length / header.width;
  const rows = known.rows(template) as Rows<MemberImage | Member>;
  const nobody = Array.from({ length: count }, () => []);
  if (rows.length === 0) return judge(known, nobody, 1, judging);
  // Of each person but the last as many rows may come before it as the person has.
  let most = 1;
  if (rows.length > members.size) for (const { images } of members.values()) most = Math.max(most, images.size);
  const k = Math.min(rows.length, (top - 1) * most + 1);
  const found = await searchRows(rows, units, k, search);
  const results = Array.from({ length: count }, (_, query) => {
    const best = new Map<string, number>();
    for (let i = query * k; i < (query + 1) * k && best.size < top; i++) {
      const owner = rows.owners[found.rows[i]!]!;
      const { person } = 'member' in owner ? owner.member : owner;
      if (!best.has(person)) best.set(person, clip(found.scores[i]!));
    }
    return Array.from(best, ([person, score]) => ({ person, score }));
  });
  return judge(known, results, rows.length, judging);
}

/** How alike each query is to one person. */
export function verify(known: KnownPeople, member: Member, queries: Float32Array, options: JudgeOptions): Identified {
  const { width, template: standard } = known.header;
  const { template = standard, ...judging } = readOptions('verify', judgeOptions, options);
  const units = unitsOf(queries, width);
  const own =
    known.rows(template) === known.means
      ? [known.means.of(member)]
      : Array.from(member.images.values(), (image) => known.images.of(image));
  const results = Array.from({ length: units.length / width }, (_, query) => {
    const scores = own.map((vector) => vector.reduce((sum, value, i) => sum + value * units[query * width + i]!, 0));
    return [{ person: member.person, score: clip(scores.reduce((best, score) => Math.max(best, score))) }];
  });
  return judge(known, results, own.length, judging);
}

/** Gives candidates their answers, where there is a calibration. */
function judge(
  known: KnownPeople,
  results: Candidate[][],
  comparisons: number,
  { far, doubt, calibration = known.calibration }: Omit<Settings<typeof judgeOptions>, 'template'>,
): Identified {
  if (!calibration) return { results };
  if (calibration !== known.calibration) checkCalibration(calibration, 'identify');
  const thresholds = thresholdsFor(calibration, { comparisons, far, doubt });
  return {
    results: results.map((found) => found.map((one) => ({ ...one, answer: answerOf(one.score, thresholds) }))),
    thresholds,
  };
}

function unitsOf(queries: Float32Array, width: number): Float32Array {
  check(queries.length > 0 && queries.length % width === 0, () => ({
    where: 'identify',
    what: 'length of queries',
    got: queries.length,
    expected: `rows of ${width} numbers, at least one`,
  }));
  const units = new Float32Array(queries.length);
  for (let at = 0; at < queries.length; at += width) {
    units.set(unitOf(queries.subarray(at, at + width), width, `query ${at / width}`), at);
  }
  return units;
}

/** Rounding may leave a cosine a little beyond 1. */
const clip = (score: number): number => Math.max(-1, Math.min(1, score));
