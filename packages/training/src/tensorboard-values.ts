import { protobuf } from '@protomem/core/node';
import type { Distribution, LoggedImage, ScoredPairs } from './logger.ts';

const { bytes, double, doubles, float, floats, text, varint } = protobuf;

/** Field numbers of tensorflow/core/framework/summary.proto, tensor.proto, tensor_shape.proto and histogram.proto. */
const VALUE = 1;
const Value = { tag: 1, simpleValue: 2, image: 4, histogram: 5, tensor: 8, metadata: 9 } as const;
const Image = { height: 1, width: 2, colors: 3, encoded: 4 } as const;
const Histogram = { min: 1, max: 2, count: 3, sum: 4, squares: 5, limits: 6, buckets: 7 } as const;
const Tensor = { type: 1, shape: 2, floats: 5 } as const;
const SHAPE_DIMENSION = 2;
const DIMENSION_SIZE = 1;
const Metadata = { plugin: 1, dataClass: 4 } as const;
const Plugin = { name: 1, content: 2 } as const;
const FLOAT = 1;
const TENSORS = 2;
/** Field of the curve plugin's own message, tensorboard/plugins/pr_curve/plugin_data.proto. */
const THRESHOLDS = 2;

const BUCKETS = 30;
/** As many as TensorBoard's own writer has. */
const CURVE_POINTS = 201;

/** One named number of a summary. */
export function scalarValue(tag: string, value: number): Uint8Array {
  return bytes(VALUE, text(Value.tag, tag), float(Value.simpleValue, value));
}

/** One named picture of a summary. */
export function imageValue(tag: string, { bytes: encoded, width, height }: LoggedImage): Uint8Array {
  const size = [varint(Image.height, height), varint(Image.width, width), varint(Image.colors, 3)];
  return bytes(VALUE, text(Value.tag, tag), bytes(Value.image, ...size, bytes(Image.encoded, encoded)));
}

/** Counts in equal buckets from the least to the greatest finite value; nothing where there is none. */
export function histogramValue(tag: string, { values, counts }: Distribution): Uint8Array {
  let [min, max] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  let [total, sum, squares] = [0, 0, 0];
  for (let i = 0; i < values.length; i++) {
    const [value, count] = [values[i]!, counts?.[i] ?? 1];
    if (!Number.isFinite(value) || !(count > 0)) continue;
    min = Math.min(min, value);
    max = Math.max(max, value);
    total += count;
    sum += count * value;
    squares += count * value * value;
  }
  if (total === 0) return new Uint8Array();
  const bins = min === max ? 1 : BUCKETS;
  const buckets = new Array<number>(bins).fill(0);
  for (let i = 0; i < values.length; i++) {
    const [value, count] = [values[i]!, counts?.[i] ?? 1];
    if (!Number.isFinite(value) || !(count > 0)) continue;
    buckets[min === max ? 0 : Math.min(bins - 1, Math.floor((bins * (value - min)) / (max - min)))]! += count;
  }
  const limits = buckets.map((_, i) => (i === bins - 1 ? max : min + ((i + 1) * (max - min)) / bins));
  return bytes(
    VALUE,
    text(Value.tag, tag),
    bytes(
      Value.histogram,
      double(Histogram.min, min),
      double(Histogram.max, max),
      double(Histogram.count, total),
      double(Histogram.sum, sum),
      double(Histogram.squares, squares),
      doubles(Histogram.limits, limits),
      doubles(Histogram.buckets, buckets),
    ),
  );
}

/**
 * Precision and recall at 201 thresholds. TensorBoard's thresholds lie evenly on [0, 1], so that a cosine c stands at
 * (1 + c) / 2; a pair is called the same from its threshold up.
 *
 * Rows of the tensor, as TensorBoard's plugin names them: true positives, false positives, true negatives, false
 * negatives, precision, recall.
 */
export function curveValue(tag: string, { scores, labels }: ScoredPairs): Uint8Array {
  const [same, different] = [new Array<number>(CURVE_POINTS).fill(0), new Array<number>(CURVE_POINTS).fill(0)];
  for (let i = 0; i < scores.length; i++) {
    const place = Math.floor(((1 + scores[i]!) / 2) * (CURVE_POINTS - 1));
    (labels[i] ? same : different)[Math.min(CURVE_POINTS - 1, Math.max(0, place))]! += 1;
  }
  const fromThresholdUp = (counts: number[]): number[] => {
    for (let i = CURVE_POINTS - 2; i >= 0; i--) counts[i]! += counts[i + 1]!;
    return counts;
  };
  const [hits, alarms] = [fromThresholdUp(same), fromThresholdUp(different)];
  const rows = [
    ...[hits, alarms, alarms.map((count) => alarms[0]! - count), hits.map((count) => hits[0]! - count)],
    hits.map((count, i) => (count === 0 ? 0 : count / (count + alarms[i]!))),
    hits.map((count) => (count === 0 ? 0 : count / hits[0]!)),
  ];
  const dimension = (size: number): Uint8Array => bytes(SHAPE_DIMENSION, varint(DIMENSION_SIZE, size));
  return bytes(
    VALUE,
    text(Value.tag, tag),
    bytes(
      Value.tensor,
      varint(Tensor.type, FLOAT),
      bytes(Tensor.shape, dimension(rows.length), dimension(CURVE_POINTS)),
      floats(Tensor.floats, rows.flat()),
    ),
    bytes(
      Value.metadata,
      bytes(Metadata.plugin, text(Plugin.name, 'pr_curves'), bytes(Plugin.content, varint(THRESHOLDS, CURVE_POINTS))),
      varint(Metadata.dataClass, TENSORS),
    ),
  );
}
