// For which shapes TensorFlow's convolutions, gradients and products of the engine `node` are wrong or end the process:
//   npx tsx --conditions=@protomem/source packages/engine/scripts/survey-convolutions.ts [options]
//     --through library   what TensorFlow itself does (default), or `engine`: through the kernels that loadEngine registers
//     --precision float32 or bfloat16, where the processor has it
//     --kinds 1x1,3x3     some of the kinds only, with --ops of the operations, with --channels 3,4,5 of the numbers of in-channels
// On x86 with oneDNN's kernels, unless TF_ENABLE_ONEDNN_OPTS=0 says otherwise.
//
// A shape may spoil the heap and another one die of it: shapes are run in child processes, with glibc's checks of the heap,
// and a group that dies is halved until it is one shape. Values are small integers, so that float32 has every sum exactly;
// they are compared with a composition of slices and products of matrices.
import { spawn } from 'node:child_process';
import { readFileSync, writeSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import * as tf from '@tensorflow/tfjs';
import { type Attributes, execute } from '../src/backends/tensorflow/execute.ts';
import { loadEngine } from '../src/index.ts';

interface Case {
  readonly kind: keyof typeof kinds;
  readonly op: 'forward' | 'input gradient' | 'filter gradient';
  readonly batch: number;
  readonly size: [number, number];
  /** In and out; of a depthwise convolution in, and how many of each. */
  readonly channels: [number, number];
  readonly strides: readonly [number, number];
  readonly dilation: number;
  readonly pad: 'same' | 'valid';
  readonly format?: 'NCHW';
}

const kinds = {
  '1x1': [1, 1],
  '3x3': [3, 3],
  '5x5': [5, 5],
  '1x3': [1, 3],
  'depthwise 3x3': [3, 3],
  'depthwise 5x5': [5, 5],
} as const;
const operations = ['forward', 'input gradient', 'filter gradient'] as const;

/** Where vector registers of 8 and 16 numbers, and blocks of several of them, begin and end. */
const telling = [1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 15, 16, 17, 23, 24, 25, 31, 32, 33, 47, 48, 49, 63, 64, 65];

const { values: options } = parseArgs({
  options: {
    through: { type: 'string', default: 'library' },
    precision: { type: 'string', default: 'float32' },
    kinds: { type: 'string', default: Object.keys(kinds).join(',') },
    ops: { type: 'string', default: operations.join(',') },
    channels: { type: 'string', default: telling.join(',') },
    child: { type: 'boolean', default: false },
  },
});
const precision = options.precision as 'float32' | 'bfloat16';

function* casesOf(kind: Case['kind'], op: Case['op']): Generator<Case> {
  const separate = kind.startsWith('depthwise');
  const all = options.channels.split(',').map(Number);
  const geometries: readonly Pick<Case, 'strides' | 'dilation' | 'format'>[] = [
    { strides: [1, 1], dilation: 1 },
    { strides: [2, 2], dilation: 1 },
    { strides: [3, 3], dilation: 1 },
    ...(separate ? [] : ([{ strides: [2, 1], dilation: 1 }] as const)),
    ...(separate ? [] : ([{ strides: [2, 2], dilation: 1, format: 'NCHW' }] as const)),
    ...(kind === '1x1' ? [] : ([{ strides: [1, 1], dilation: 2 }] as const)),
  ];
  for (const geometry of geometries)
    for (const inputs of all)
      for (const outputs of new Set(separate ? [1, 2] : [8, 16, inputs, 2 * inputs, 65]))
        for (const [batch, size] of [
          [1, [12, 12]],
          [3, [13, 7]],
          [16, [24, 18]],
          ...(kind === '1x1' && inputs < 20 ? ([[64, [48, 48]]] as const) : []),
        ] as [number, [number, number]][])
          for (const pad of size[0] === 12 && kind !== '1x1' ? (['same', 'valid'] as const) : (['same'] as const))
            yield { kind, op, batch, size, channels: [inputs, outputs], pad, ...geometry };
}

/** Small integers, other ones for each seed. */
function integers(shape: readonly number[], seed: number): tf.Tensor4D {
  let state = seed;
  const size = shape.reduce((product, side) => product * side, 1);
  const values = Float32Array.from({ length: size }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return ((state >>> 16) % 5) - 2;
  });
  return tf.tensor<tf.Rank.R4>(values, shape as [number, number, number, number], 'float32');
}

function setUp({ kind, batch, size, channels, strides, dilation, pad }: Case) {
  const separate = kind.startsWith('depthwise');
  const xShape: [number, number, number, number] = [batch, ...size, channels[0]];
  const filterShape: [number, number, number, number] = [...kinds[kind], ...channels];
  const info = tf.backend_util.computeConv2DInfo(xShape, filterShape, [...strides], dilation, pad, undefined, separate);
  return { separate, info, x: integers(xShape, 1), filter: integers(filterShape, 2), dy: integers(info.outShape, 3) };
}
type SetUp = ReturnType<typeof setUp>;

/** Slices of the padded image, one a tap, and products of matrices. */
function composed(op: Case['op'], { separate, info, x, filter, dy }: SetUp): tf.Tensor {
  const { strideHeight: sh, strideWidth: sw, outHeight, outWidth, dilationHeight, dilationWidth } = info;
  const { top, bottom, left, right } = info.padInfo;
  const around: [number, number][] = [[0, 0], [top, bottom], [left, right], [0, 0]]; // biome-ignore format: one line
  const padded = tf.pad(x, around);
  const [, height, width, inputs] = padded.shape as [number, number, number, number];
  const last = filter.shape[3];
  const flat = tf.reshape(dy, separate ? [-1, inputs, last] : [-1, last]);
  const taps: tf.Tensor[] = [];
  let sum: tf.Tensor | undefined;
  const add = (term: tf.Tensor): void => {
    sum = sum ? tf.add(sum, term) : term;
  };
  for (let i = 0; i < info.filterHeight; i++)
    for (let j = 0; j < info.filterWidth; j++) {
      const [h, w] = [i * dilationHeight, j * dilationWidth];
      const end = [x.shape[0], h + (outHeight - 1) * sh + 1, w + (outWidth - 1) * sw + 1, inputs];
      const pixels = tf.reshape(tf.stridedSlice(padded, [0, h, w, 0], end, [1, sh, sw, 1]), [-1, inputs]);
      const tap = tf.reshape(tf.slice(filter, [i, j, 0, 0], [1, 1, -1, -1]), [inputs, last]);
      if (op === 'filter gradient') {
        taps.push(
          separate ? tf.sum(tf.mul(tf.expandDims(pixels, 2), flat), 0) : tf.matMul(pixels, flat as tf.Tensor2D, true),
        );
      } else if (op === 'forward') {
        add(separate ? tf.mul(tf.expandDims(pixels, 2), tap) : tf.matMul(pixels, tap));
      } else {
        const each = separate
          ? tf.sum(tf.mul(flat, tap), 2)
          : tf.matMul(flat as tf.Tensor2D, tap as tf.Tensor2D, false, true);
        // Back to where the tap read: zeros between, before and after.
        let spread: tf.Tensor = tf.reshape(each, [x.shape[0] * outHeight, 1, outWidth, 1, inputs]);
        spread = tf.pad(spread, [[0, 0], [0, sh - 1], [0, 0], [0, sw - 1], [0, 0]]); // biome-ignore format: one line
        spread = tf.reshape(spread, [x.shape[0], outHeight * sh, outWidth * sw, inputs]);
        const [rows, columns] = [(outHeight - 1) * sh + 1, (outWidth - 1) * sw + 1];
        spread = tf.slice(spread, [0, 0, 0, 0], [-1, rows, columns, -1]);
        add(tf.pad(spread, [[0, 0], [h, height - h - rows], [w, width - w - columns], [0, 0]])); // biome-ignore format: one line
      }
    }
  if (op === 'forward') return tf.reshape(sum!, info.outShape);
  if (op === 'filter gradient') return tf.reshape(tf.stack(taps), filter.shape);
  return tf.slice(sum!, [0, top, left, 0], x.shape);
}

const swap = (tensor: tf.Tensor, format?: 'NCHW'): tf.Tensor => (format ? tf.transpose(tensor, [0, 3, 1, 2]) : tensor);
const swapBack = (tensor: tf.Tensor, format?: 'NCHW'): tf.Tensor =>
  format ? tf.transpose(tensor, [0, 2, 3, 1]) : tensor;

/** TensorFlow's op, as tfjs-node calls it. */
function library({ op, pad, strides: [sh, sw], dilation, format }: Case, made: SetUp): tf.Tensor {
  const { separate, filter } = made;
  const [x, dy] = [swap(made.x, format), swap(made.dy, format)];
  const along = (h: number, w: number): number[] => (format ? [1, 1, h, w] : [1, h, w, 1]);
  const attributes: Attributes = {
    strides: ['INT', along(sh, sw)],
    padding: ['STRING', pad.toUpperCase()],
    data_format: ['STRING', format ?? 'NHWC'],
    dilations: ['INT', along(dilation, dilation)],
  };
  const name = separate ? 'DepthwiseConv2dNative' : 'Conv2D';
  const run = (what: string, inputs: tf.Tensor[]): tf.Tensor => execute(tf.backend(), what, inputs, attributes)[0];
  const shape = (of: tf.Tensor): tf.Tensor => tf.tensor1d(of.shape, 'int32');
  if (op === 'forward') return swapBack(run(name, [x, filter]), format);
  if (op === 'input gradient') return swapBack(run(`${name}BackpropInput`, [shape(x), filter, dy]), format);
  return run(`${name}BackpropFilter`, [x, shape(filter), dy]);
}

/** What a program gets that calls tf.conv2d or tf.depthwiseConv2d; dilated gradients tfjs itself refuses. */
function engine({ op, pad, strides, dilation, format }: Case, made: SetUp): tf.Tensor {
  const { separate, filter } = made;
  const [x, dy] = [swap(made.x, format), swap(made.dy, format)];
  const attrs = { strides: [...strides], pad, dataFormat: format ?? 'NHWC', dilations: [dilation, dilation] };
  const run = (name: string, inputs: tf.NamedTensorMap, more = {}): tf.Tensor =>
    tf.engine().runKernel(name, inputs, { ...attrs, ...more });
  const [native, gradient] = separate ? ['DepthwiseConv2dNative', 'DepthwiseConv2dNative'] : ['Conv2D', 'Conv2D'];
  if (op === 'forward') return swapBack(run(native!, { x, filter }), format);
  if (op === 'input gradient') {
    return swapBack(run(`${gradient}BackpropInput`, { dy, filter }, { inputShape: x.shape }), format);
  }
  return run(`${gradient}BackpropFilter`, { x, dy }, { filterShape: filter.shape });
}

/** The largest difference to the composition, or why the op refused. */
function difference(one: Case): number | string {
  return tf.tidy(() => {
    const made = setUp(one);
    const expected = composed(one.op, made);
    let worst = 0;
    // The second time oneDNN takes the kernel that it has made.
    for (let time = 0; time < 3; time++) {
      let found: tf.Tensor;
      try {
        found = options.through === 'engine' ? engine(one, made) : library(one, made);
      } catch (error) {
        return `refused: ${(error as Error).message}`;
      }
      // Results are rounded to bfloat16 once; factors and sums are not.
      const rounding = precision === 'bfloat16' ? tf.mul(tf.abs(expected), 2 ** -8) : 0;
      const off = tf.max(tf.sub(tf.abs(tf.sub(found, expected)), rounding)).dataSync()[0]!;
      if (!(off <= 1e-3)) worst = Number.isNaN(off) ? Number.POSITIVE_INFINITY : Math.max(worst, off);
    }
    return worst;
  });
}

async function child(): Promise<void> {
  const cases = await new Promise<Case[]>((resolve) => process.once('message', resolve as (value: unknown) => void));
  await loadEngine({ prefer: 'node', precision });
  for (const [i, one] of cases.entries()) writeSync(1, `${JSON.stringify([i, difference(one)])}\n`);
  process.disconnect();
}

interface Outcome {
  /** How the process ended, where it did not end well. */
  readonly death?: string;
  readonly differences: ReadonlyMap<number, number | string>;
}

/** What a process has had of the processors; clock ticks are hundredths of a second on Linux. */
function processorSeconds(pid: number): number {
  try {
    const [user, system] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ').slice(11, 13);
    return (Number(user) + Number(system)) / 100;
  } catch {
    return 0;
  }
}

function runCases(cases: readonly Case[]): Promise<Outcome> {
  const args = ['--child', `--through=${options.through}`, `--precision=${precision}`];
  const process_ = spawn(process.execPath, [...process.execArgv, fileURLToPath(import.meta.url), ...args], {
    env: { ...process.env, LD_PRELOAD: 'libc_malloc_debug.so.0', MALLOC_CHECK_: '3', MALLOC_PERTURB_: '165' },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  const text = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const) {
    process_[stream]!.on('data', (chunk) => {
      text[stream] += chunk;
    });
  }
  process_.send(cases);
  // A line comes with each shape. So much of the processor's time without one, and none will come; or so long.
  let since = { seconds: 0, time: Date.now() };
  const timer = setInterval(() => {
    const seconds = processorSeconds(process_.pid!);
    if (seconds - since.seconds > 20 || Date.now() - since.time > 300_000) process_.kill('SIGKILL');
  }, 1000);
  process_.stdout!.on('data', () => {
    since = { seconds: processorSeconds(process_.pid!), time: Date.now() };
  });
  return new Promise((resolve) => {
    process_.once('close', (code, signal) => {
      clearInterval(timer);
      const differences = new Map<number, number | string>();
      for (const line of text.stdout.split('\n').filter((each) => each.startsWith('['))) {
        const [i, off] = JSON.parse(line) as [number, number | string | null];
        differences.set(i, off ?? Number.POSITIVE_INFINITY);
      }
      const last = text.stderr.trim().split('\n').at(-1);
      const death = signal === 'SIGKILL' ? 'hangs' : code === 0 ? undefined : `${signal ?? code} ${last ?? ''}`.trim();
      resolve({ death, differences });
    });
  });
}

type Finding = { readonly one: Case; readonly what: string };

/** Shapes that are wrong, and those that end the process. */
async function survey(cases: readonly Case[]): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (let rest = cases; rest.length > 0; ) {
    const { death, differences } = await runCases(rest);
    for (const [i, off] of differences) {
      if (off !== 0) findings.push({ one: rest[i]!, what: typeof off === 'string' ? off : 'wrong' });
    }
    if (!death) break;
    // The one that was under way, or one before it that left the heap spoilt.
    findings.push(await culprit(rest.slice(0, differences.size + 1), death));
    rest = rest.slice(differences.size + 1);
  }
  return findings;
}

/** Which of the shapes ends the process, the last of them first. */
async function culprit(cases: readonly Case[], death: string): Promise<Finding> {
  for (let suspects = cases; ; ) {
    const last = suspects.at(-1)!;
    const alone = (await runCases([last])).death;
    if (alone) return { one: last, what: alone };
    const half = suspects.slice(0, suspects.length >> 1);
    if (half.length === 0)
      return { one: cases.at(-1)!, what: `not alone, with ${cases.length - 1} before it: ${death}` };
    suspects = (await runCases(half)).death ? half : suspects.slice(half.length, -1);
    if (suspects.length === 0) return { one: last, what: `not alone, with ${cases.length - 1} before it: ${death}` };
  }
}

/** `1-7, 9` */
function ranges(numbers: Iterable<number>, all: readonly number[]): string {
  const found = [...new Set(numbers)].sort((a, b) => a - b);
  const spans: number[][] = [];
  for (const each of found) {
    const span = spans.at(-1);
    if (span && all.indexOf(each) === all.indexOf(span.at(-1)!) + 1) span.push(each);
    else spans.push([each]);
  }
  return spans.map((span) => (span.length > 1 ? `${span[0]}-${span.at(-1)}` : String(span[0]))).join(', ');
}

function grouped<T>(all: readonly T[], keyOf: (one: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const one of all) groups.set(keyOf(one), [...(groups.get(keyOf(one)) ?? []), one]);
  return groups;
}

async function main(): Promise<void> {
  let [tried, failed] = [0, 0];
  for (const kind of options.kinds.split(',') as Case['kind'][])
    for (const op of options.ops.split(',') as Case['op'][]) {
      const all = [...casesOf(kind, op)].filter(
        // tfjs refuses a dilation in gradients. That of depthwise convolutions TensorFlow has wrong.
        (one) => options.through === 'library' || op === 'forward' || one.dilation === 1,
      );
      const keys = grouped(all, ({ strides, dilation, format }) =>
        [`strides ${strides}`, ...(dilation > 1 ? [`dilation ${dilation}`] : []), ...(format ? [format] : [])].join(
          ' ',
        ),
      );
      for (const [key, cases] of keys) {
        const findings: Finding[] = [];
        for (let from = 0; from < cases.length; from += 150)
          findings.push(...(await survey(cases.slice(from, from + 150))));
        tried += cases.length;
        failed += new Set(findings.map(({ one }) => one)).size;
        const inputs = [...new Set(cases.map(({ channels }) => channels[0]))];
        const what = grouped(findings, (finding) => finding.what);
        console.log(`${kind}, ${op}, ${key}: ${cases.length} shapes, ${findings.length || 'none'} bad`);
        for (const [which, bad] of what) {
          const sizes = new Set(bad.map(({ one: { batch, size } }) => `${batch}x${size.join('x')}`));
          const channels = ranges(bad.map(({ one }) => one.channels[0]), inputs); // biome-ignore format: one line
          console.log(
            `  ${which.slice(0, 200)}: ${bad.length}; in-channels ${channels}; images ${[...sizes].join(', ')}`,
          );
        }
      }
    }
  console.log(`${tried} shapes tried through the ${options.through} in ${precision}, ${failed} failed`);
}

await (options.child ? child() : main());
