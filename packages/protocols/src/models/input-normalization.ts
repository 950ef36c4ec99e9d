import type { OnnxGraph, OnnxNode } from './onnx-graph.ts';

/** What a graph does to its pixels before anything else. */
export interface InputNormalization {
  /** The operations, in words: `Sub 127.5, Mul 0.0078125`. */
  readonly steps: string;
  /** What it takes: bytes 0 ... 255, numbers 0 ... 1, or -1 ... 1. */
  readonly takes: 'bytes' | 'unit' | 'centred';
  /** All of them together, where their constants can be read. */
  readonly line?: Line;
  /** The tensor that holds their result. */
  readonly after?: string;
}

/** Operations that change where pixels are, or their type, but none of their values. */
const carriers = new Set(
  'Identity Cast Transpose Reshape Squeeze Unsqueeze Flatten Resize Upsample Slice Gather Pad Dropout Clip'.split(' '),
);

/** A line of each channel, or one of all: `slope x + offset`. */
interface Line {
  readonly slope: readonly number[];
  readonly offset: readonly number[];
}

/** How many nodes InsightFace's loader looks at. */
const FIRST_NODES = 8;

/**
 * Finds normalisation inside a graph: the arithmetic that the input meets before the first layer. Its constants tell what
 * it takes: what maps 0 ... 255 to some units about 0 takes bytes. Where the constants cannot be read, a subtraction and
 * a multiplication among the first nodes mean bytes, as in InsightFace's loader.
 *
 * Source: InsightFace, python-package/insightface/model_zoo/arcface_onnx.py, which looks for `Sub` and `Mul` among the names
 * of the first eight nodes and then takes `input_mean = 0`, `input_std = 1`.
 *
 * @returns undefined when the input goes straight into a layer.
 */
export function inputNormalization(graph: OnnxGraph, input: string): InputNormalization | undefined {
  const steps: string[] = [];
  let line: Line | undefined = { slope: [1], offset: [0] };
  let at = input;
  for (let i = 0; i < graph.nodes.length; i++) {
    const users = graph.nodes.filter(({ opType, input }) => opType !== 'Shape' && input.includes(at));
    const [node] = users;
    if (!node || users.length > 1 || node.output[0] === undefined) break;
    if (!carriers.has(node.opType)) {
      const step = stepOf(graph, node, at);
      if (!step) break;
      steps.push(step.words);
      line = line && step.line && compose(line, step.line);
    }
    at = node.output[0];
  }
  if (steps.length > 0 && line) return { steps: steps.join(', '), takes: takenBy(line), line, after: at };
  const first = graph.nodes.slice(0, FIRST_NODES).map(({ opType }) => opType);
  const layer = first.findIndex((type) => /^(Conv|Gemm|MatMul|PRelu|Relu)/.test(type));
  const before = layer < 0 ? first : first.slice(0, layer);
  const named = before.filter((type) => ['Sub', 'Mul', 'Div'].includes(type));
  if (!named.includes('Sub') || named.length === named.filter((type) => type === 'Sub').length) return undefined;
  return { steps: `${named.join(', ')} among its first nodes`, takes: 'bytes' };
}

/** One arithmetic operation on the pixels; undefined for a layer, `line` undefined where constants cannot be read. */
function stepOf(graph: OnnxGraph, node: OnnxNode, at: string): { words: string; line?: Line } | undefined {
  const { opType: type, input } = node;
  if (type === 'BatchNormalization') {
    const values = input.slice(1, 5).map((name) => graph.constant(name, 3));
    if (input[0] !== at || values.some((one) => one === undefined)) return undefined;
    const [scale, bias, mean, variance] = values as (readonly number[])[];
    const epsilon = node.attribute.find(({ name }) => name === 'epsilon')?.f ?? 1e-5;
    const slope = scale!.map((one, c) => one / Math.sqrt(variance![c]! + epsilon));
    return { words: type, line: { slope, offset: bias!.map((one, c) => one - slope[c]! * mean![c]!) } };
  }
  if (!['Sub', 'Add', 'Mul', 'Div'].includes(type) || input.length !== 2 || input[0] === input[1]) return undefined;
  const first = input[0] === at;
  const values = graph.constant(input[first ? 1 : 0]!, 3);
  if (!values) return { words: type };
  const words = `${type} ${values.map((one) => Number(one.toPrecision(6))).join('/')}`;
  const [zeros, ones] = [values.map(() => 0), values.map(() => 1)];
  switch (type) {
    case 'Add':
      return { words, line: { slope: ones, offset: values } };
    case 'Sub':
      if (!first)
        return { words: `${words} less the pixels`, line: { slope: ones.map((one) => -one), offset: values } };
      return { words, line: { slope: ones, offset: values.map((one) => -one) } };
    case 'Mul':
      return { words, line: { slope: values, offset: zeros } };
    default:
      return first ? { words, line: { slope: values.map((one) => 1 / one), offset: zeros } } : undefined;
  }
}

function compose(before: Line, after: Line): Line {
  const channels = Math.max(before.slope.length, after.slope.length);
  const each = (of: readonly number[], c: number): number => of[of.length === 1 ? 0 : c] ?? Number.NaN;
  const all = Array.from({ length: channels }, (_, c) => c);
  return {
    slope: all.map((c) => each(before.slope, c) * each(after.slope, c)),
    offset: all.map((c) => each(before.offset, c) * each(after.slope, c) + each(after.offset, c)),
  };
}

/** What a line has to be given to yield numbers of the size that layers take: a few units about 0. */
function takenBy({ slope, offset }: Line): InputNormalization['takes'] {
  const largest = Math.max(...slope.map(Math.abs));
  const zeros = slope.map((one, c) => -offset[c]! / one);
  // Less than 32 units from 0 to 255, or a zero that only bytes have.
  if (!(largest > 1 / 8) || zeros.every((zero) => zero > 2)) return 'bytes';
  return zeros.every((zero) => zero >= 0.1 && zero <= 0.9) ? 'unit' : 'centred';
}
