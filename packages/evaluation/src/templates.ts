import { check, integer, type OptionsOf, option, ProtomemError, readOptions } from '@protomem/core';
import { checkIds, checkRows } from './matrix-product.ts';
import { pairScores } from './pair-scores.ts';

/** Which images are in which template, from which media: one entry for each row of the embeddings. */
export interface TemplateMembers {
  readonly templates: ArrayLike<number>;
  /** Images with the same media id in a template are frames of one video. */
  readonly media: ArrayLike<number>;
}

/**
 * What is done to an image's embedding before it is pooled. The reference scripts have the same three switches under
 * names that contradict each other:
 *
 * | here                                        | InsightFace `ijb_11.py`   | `ijb_evals.py`           | CVLface            |
 * | ------------------------------------------- | ------------------------- | ------------------------ | ------------------ |
 * | `imageNorm: 'kept'`                         | `use_norm_score=True`, N1 | `use_norm_score=False`   | `Norm:True`        |
 * | `imageNorm: 'unit'`                         | `use_norm_score=False`, N0| `use_norm_score=True`    | `Norm:False`       |
 * | `detectorScores` given                      | D1                        | D1                       | `Det:True`         |
 * | `mirrored` given                            | F1                        | F1                       | always             |
 */
const templateOptions = {
  mirrored: option.given<Float32Array>()({
    help: 'Embeddings of the mirror images, `[N, D]`: added before anything else.',
    absent: 'none',
  }),
  /** `kept`: a long embedding counts for more, as in `ijb_11.py`. `unit`: each is divided by its length. */
  imageNorm: option.choice(['kept', 'unit'], {
    help: 'Whether a long embedding counts for more, or each is divided by its length.',
    default: 'kept',
  }),
  detectorScores: option.given<ArrayLike<number>>()({
    help: "The face detector's score of each image, which its embedding is multiplied with.",
    absent: 'none',
  }),
};

export type TemplateOptions = OptionsOf<typeof templateOptions>;

/** One unit vector a template. */
export interface Templates {
  /** Ascending, each once. */
  readonly ids: Float64Array;
  /** `[ids, width]`, row-major, each row of length 1. */
  readonly features: Float32Array;
  readonly width: number;
}

/**
 * Pools embeddings into templates, the way of IJB-B and IJB-C: images of one media (video frames) are averaged, then the
 * media of a template are added, then the sum is divided by its length. So a video counts as much as a photo.
 *
 * @param embeddings `[N, width]`, row-major, as the encoder gives them.
 * @throws ProtomemError when lengths do not fit, or images cancel each other out.
 *
 * @example
 * ```ts
 * const templates = poolTemplates(embeddings, 512, { templates: tid, media: mid }, { detectorScores });
 * ```
 *
 * Source: InsightFace, recognition/_evaluation_/ijb/ijb_11.py, `image2template_feature`.
 */
export function poolTemplates(
  embeddings: Float32Array,
  width: number,
  { templates, media }: TemplateMembers,
  options: TemplateOptions = {},
): Templates {
  const where = 'poolTemplates';
  const { mirrored, imageNorm, detectorScores } = readOptions(where, templateOptions, options);
  const rows = checkRows(where, 'embeddings', embeddings, width);
  checkIds(where, 'templates', templates, rows);
  checkIds(where, 'media', media, rows);
  if (mirrored) checkRows(where, 'mirrored', mirrored, width);
  check(!mirrored || mirrored.length === embeddings.length, () => ({
    where,
    what: 'length of mirrored',
    got: mirrored?.length,
    expected: `${embeddings.length}, as embeddings`,
  }));
  check(!detectorScores || detectorScores.length === rows, () => ({
    where,
    what: 'length of detectorScores',
    got: detectorScores?.length,
    expected: `${rows}, one for each image`,
  }));
  const unit = imageNorm === 'unit';

  const members = new Map<number, Map<number, number[]>>();
  for (let row = 0; row < rows; row++) {
    const ofTemplate = members.get(templates[row]!) ?? new Map<number, number[]>();
    members.set(templates[row]!, ofTemplate);
    const images = ofTemplate.get(media[row]!);
    if (images) images.push(row);
    else ofTemplate.set(media[row]!, [row]);
  }
  const ids = Float64Array.from(members.keys()).sort();
  const features = new Float32Array(ids.length * width);
  const image = new Float64Array(width);
  const sum = new Float64Array(width);
  for (const [place, id] of ids.entries()) {
    sum.fill(0);
    for (const images of members.get(id)!.values()) {
      for (const row of images) {
        for (let k = 0; k < width; k++) image[k] = embeddings[row * width + k]! + (mirrored?.[row * width + k] ?? 0);
        const weight = (detectorScores?.[row] ?? 1) / images.length / (unit ? lengthOf(image) : 1);
        for (let k = 0; k < width; k++) sum[k]! += image[k]! * weight;
      }
    }
    const length = lengthOf(sum);
    check(length > 0 && Number.isFinite(length), () => ({
      where,
      what: `template ${id}`,
      got: `${[...members.get(id)!.values()].flat().length} images whose sum has length ${length}`,
      expected: 'a length above 0',
      fix: 'Its embeddings or detector scores are zeros, or not finite.',
    }));
    for (let k = 0; k < width; k++) features[place * width + k] = sum[k]! / length;
  }
  return { ids, features, width };
}

/** The rows of templates by id. @throws ProtomemError on an id that is not there. */
export function templateRows(templates: Templates, ids: ArrayLike<number>, where = 'templateRows'): Int32Array {
  const rows = new Map(Array.from(templates.ids, (id, row) => [id, row]));
  return Int32Array.from(ids, (id, i) => {
    const row = rows.get(id);
    if (row !== undefined) return row;
    integer(where, `id ${i}`, id, Number.MIN_SAFE_INTEGER);
    throw new ProtomemError({
      where,
      what: `id ${i}`,
      got: id,
      expected: `one of ${templates.ids.length} templates, ${templates.ids[0]} to ${templates.ids.at(-1)}`,
      fix: 'The template list and the pair list are of different data sets, or images were left out.',
    });
  });
}

/**
 * The cosine of each pair of templates: IJB's 1:1 scores, for {@link tarAtFars}.
 *
 * @param pairs template ids, `[P, 2]`.
 */
export function templatePairScores(templates: Templates, pairs: ArrayLike<number>): Float64Array {
  return pairScores(templates.features, templates.width, templateRows(templates, pairs, 'templatePairScores'));
}

function lengthOf(values: Float64Array): number {
  let sum = 0;
  for (let k = 0; k < values.length; k++) sum += values[k]! ** 2;
  return Math.sqrt(sum);
}
