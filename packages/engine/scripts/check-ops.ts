// The ops of our own (cpp/training_ops.cc of @protomem/native) over odd shapes: channels 1 to 65, few and many rows, float32
// and bfloat16, compared with compositions; and inputs that they have to refuse. `sanitize-ops.sh` of @protomem/native runs
// it under AddressSanitizer: npx tsx --conditions=@protomem/source packages/engine/scripts/check-ops.ts
import * as tf from '@tensorflow/tfjs';
import { setBfloat16 } from '../src/backends/tensorflow/bfloat16.ts';
import { type Attributes, execute, executeUntyped } from '../src/backends/tensorflow/execute.ts';
import { hasTrainingOps, useTrainingOps } from '../src/backends/tensorflow/has-training-ops.ts';
import { tensorflowKernels as ours } from '../src/backends/tensorflow/kernels.ts';
import { loadEngine } from '../src/index.ts';
import { composedKernels } from '../src/kernels/composed/kernels.ts';
import { listed } from '../src/kernels/listed.ts';
import type { Sliding } from '../src/kernels/training-kernels.ts';

await loadEngine({ prefer: 'node' });
const backend = tf.backend();
if (!hasTrainingOps(backend)) throw new Error('The ops of our own were not compiled here: see the install.');

let [compared, refused] = [0, 0];
const failures: string[] = [];

function compare(what: string, found: tf.Tensor[], expected: tf.Tensor[], tolerance: number): void {
  for (const [i, one] of expected.entries()) {
    compared++;
    const scale = Math.max(1, tf.max(tf.abs(one)).dataSync()[0]!);
    const off = tf.max(tf.abs(tf.sub(found[i]!, one))).dataSync()[0]!;
    if (!(off <= tolerance * scale)) failures.push(`${what}, output ${i}: off by ${off} of ${scale}`);
  }
}

/** The same values as TensorFlow holds them in bfloat16, rounded. */
const halved = (x: tf.Tensor4D): tf.Tensor4D => tf.depthwiseConv2d(x, tf.ones([1, 1, x.shape[3], 1]), 1, 'valid');
let seed = 0;
/** The same numbers in every run: a sign that rounding decides would fail now and then. */
const random = (shape: number[], from = -1, to = 1): tf.Tensor => tf.randomUniform(shape, from, to, 'float32', ++seed);

function checkActivations(rows: number, channels: number, bfloat16: boolean): void {
  tf.tidy(() => {
    setBfloat16(backend, bfloat16);
    const images = [random([1, rows, 1, channels], -2, 2), random([1, rows, 1, channels])] as tf.Tensor4D[];
    const [x, dy] = (bfloat16 ? images.map(halved) : images) as [tf.Tensor4D, tf.Tensor4D];
    // Read and made anew they are float32, with the rounded values.
    const [wholeX, wholeDy] = [x, dy].map((half) => tf.tensor(half.dataSync(), half.shape)) as [
      tf.Tensor4D,
      tf.Tensor4D,
    ];
    const [scale, offset, alpha] = [random([channels], 0.5, 2), random([channels]), random([channels], 0, 0.5)].map(
      (each) => each as tf.Tensor1D,
    ) as [tf.Tensor1D, tf.Tensor1D, tf.Tensor1D];
    const none = {};
    const attrs = { epsilon: 1e-3 };
    const tolerance = bfloat16 ? 2e-2 : 1e-3;
    const affine = { factor: scale, shift: offset };
    const check = (name: string, found: tf.TensorInfo[], expected: tf.TensorInfo[]): void =>
      compare(
        `${name} ${rows}x${channels}${bfloat16 ? ' bfloat16' : ''}`,
        found as tf.Tensor[],
        expected as tf.Tensor[],
        tolerance,
      );
    for (const activated of [false, true]) {
      const [forward, backward] = activated
        ? (['batchNormPreluTraining', 'batchNormPreluTrainingGrad'] as const)
        : (['batchNormTraining', 'batchNormTrainingGrad'] as const);
      const rest = { scale, offset, alpha };
      const [y, mean, variance] = ours[forward]({ x, ...rest }, attrs, backend);
      const whole = composedKernels[forward]({ x: wholeX, ...rest }, attrs, backend);
      check(forward, [y, mean, variance], whole.slice(0, 3));
      const found = ours[backward]({ dy, x, mean, variance, ...rest }, attrs, backend);
      // Its reserve is the composition's own.
      const reserve = Object.fromEntries(whole.slice(3).entries());
      const all = { dy: wholeDy, x: wholeX, mean: whole[1], variance: whole[2], ...rest, ...reserve };
      check(backward, found, composedKernels[backward](all, attrs, backend));
    }
    check(
      'prelu',
      [ours.prelu({ x, alpha }, none, backend)],
      [composedKernels.prelu({ x: wholeX, alpha }, none, backend)],
    );
    check(
      'preluGrad',
      ours.preluGrad({ dy, x, alpha }, none, backend),
      composedKernels.preluGrad({ dy: wholeDy, x: wholeX, alpha }, none, backend),
    );
    check(
      'scaleShift',
      [ours.scaleShift({ x, ...affine }, none, backend)],
      [composedKernels.scaleShift({ x: wholeX, ...affine }, none, backend)],
    );
    check(
      'scaleShiftPrelu',
      [ours.scaleShiftPrelu({ x, ...affine, alpha }, none, backend)],
      [composedKernels.scaleShiftPrelu({ x: wholeX, ...affine, alpha }, none, backend)],
    );
    setBfloat16(backend, false);
  });
}

function checkLayerNorm(rows: number, channels: number): void {
  tf.tidy(() => {
    const [x, dy] = [random([rows, channels], 1, 3), random([rows, channels])];
    const [scale, offset] = [random([channels], 0.5, 2), random([channels])] as [tf.Tensor1D, tf.Tensor1D];
    const epsilon = { epsilon: 1e-3 };
    const [found, expected] = [ours, composedKernels].map((kernels) => {
      const [y, mean, factor] = kernels.layerNorm({ x, scale, offset }, epsilon, backend);
      return [y, mean, factor, ...kernels.layerNormGrad({ dy, x, scale, mean, factor }, {}, backend)];
    }) as [tf.Tensor[], tf.Tensor[]];
    compare(`layerNorm ${rows}x${channels}`, found, expected, 1e-3);
  });
}

function checkRows(rows: number, channels: number): void {
  tf.tidy(() => {
    // Not near zero, where a row of one channel has a gradient of rounding errors.
    const [x, dUnit, dNorms] = [random([rows, channels], 0.25, 1), random([rows, channels]), random([rows])] as [
      tf.Tensor2D,
      tf.Tensor2D,
      tf.Tensor1D,
    ];
    const stored = composedKernels.splitRows({ x: dUnit }, {}, backend)[0];
    const shares = tf.randomUniform([rows], -0.5, 1) as tf.Tensor1D;
    const groupOf = tf.randomUniform([rows], 0, 5, 'int32') as tf.Tensor1D;
    const [found, expected] = [ours, composedKernels].map((kernels) => [
      ...kernels.splitRows({ x }, {}, backend),
      kernels.splitRowsGrad({ dUnit, dNorms, x }, {}, backend),
      kernels.rowDots({ a: x, b: dUnit }, {}, backend),
      kernels.groupSums({ x, groupOf }, { groups: 5 }, backend),
      ...kernels.refreshRows({ made: x, stored, shares }, {}, backend),
    ]) as [tf.Tensor[], tf.Tensor[]];
    compare(`rows ${rows}x${channels}`, found, expected, 1e-4);
  });
}

function checkAttention([images, tokens, heads, depth]: readonly [number, number, number, number]): void {
  tf.tidy(() => {
    const qkv = random([images, tokens, 3 * heads * depth], -2, 2) as tf.Tensor3D;
    const dy = random([images, tokens, heads * depth]) as tf.Tensor3D;
    const [found, expected] = [ours, composedKernels].map((kernels) => [
      kernels.attention({ qkv }, { heads }, backend),
      kernels.attentionGrad({ dy, qkv }, { heads }, backend),
    ]) as [tf.Tensor[], tf.Tensor[]];
    compare(`attention ${images}x${tokens}, ${heads} heads of ${depth}`, found, expected, 1e-4);
  });
}

/** A convolution with 3x3 and its gradients, beside TensorFlow's. */
function checkConvolution([images, high, wide, from, to]: readonly number[]): void {
  tf.tidy(() => {
    const [x, filter] = [random([images!, high!, wide!, from!]), random([3, 3, from!, to!])] as tf.Tensor4D[];
    const dy = random([images!, high!, wide!, to!]);
    const convolve = (a: tf.Tensor, b: tf.Tensor): tf.Tensor =>
      tf.conv2d(a as tf.Tensor4D, b as tf.Tensor4D, 1, 'same');
    useTrainingOps(backend, false);
    const expected = [convolve(x!, filter!), ...tf.grads(convolve)([x!, filter!], dy)];
    useTrainingOps(backend, true);
    const after = [random([to!]), random([to!])] as [tf.Tensor1D, tf.Tensor1D];
    expected.push(shiftedPrelu(expected[0]!, ...after));
    const found = [
      ...execute(backend, 'ProtomemConv3x3', [x!, filter!], {}),
      ...execute(backend, 'ProtomemConv3x3InputGrad', [dy, filter!], {}),
      ...execute(backend, 'ProtomemConv3x3FilterGrad', [x!, dy], {}),
      ...execute(backend, 'ProtomemConv3x3Prelu', [x!, filter!, ...after], {}),
    ];
    compare(`conv3x3 ${images}x${high}x${wide}, ${from} to ${to}`, found, expected, 1e-4);
  });
}

const shiftedPrelu = (x: tf.Tensor, shift: tf.Tensor1D, alpha: tf.Tensor1D): tf.Tensor =>
  tf.prelu(tf.add(x, shift), alpha);

function checkPointwise([pixels, from, to]: readonly number[]): void {
  tf.tidy(() => {
    const [x, filter] = [random([1, 1, pixels!, from!]), random([1, 1, from!, to!])];
    const after = [random([to!]), random([to!])] as [tf.Tensor1D, tf.Tensor1D];
    const product = tf.matMul(tf.reshape(x, [-1, from!]), tf.reshape(filter, [from!, to!]));
    const found = execute(backend, 'ProtomemPointwisePrelu', [x, filter, ...after], {});
    const expected = tf.reshape(shiftedPrelu(product, ...after), [1, 1, pixels!, to!]);
    compare(`pointwise ${pixels} pixels, ${from} to ${to}`, found, [expected], 1e-4);
  });
}

function checkDepthwise(shape: number[], kernel: number[], sliding: Sliding, bfloat16: boolean): void {
  tf.tidy(() => {
    setBfloat16(backend, bfloat16);
    const image = random(shape) as tf.Tensor4D;
    const x = bfloat16 ? halved(image) : image;
    const wholeX = tf.tensor(x.dataSync(), x.shape) as tf.Tensor4D;
    const channels = shape[3]!;
    const filter = random([...kernel, channels, 1]) as tf.Tensor4D;
    const [shift, alpha] = [random([channels]), random([channels])] as [tf.Tensor1D, tf.Tensor1D];
    const rest = { filter, shift, alpha };
    const what = `${shape} by ${kernel}, ${JSON.stringify(sliding)}${bfloat16 ? ' bfloat16' : ''}`;
    const [y, activated] = [
      ours.depthwise({ x, filter }, sliding, backend),
      ours.depthwisePrelu({ x, ...rest }, sliding, backend),
    ];
    const dy = random(y.shape) as tf.Tensor4D;
    const half = bfloat16 ? halved(dy) : dy;
    const wholeDy = tf.tensor(half.dataSync(), half.shape) as tf.Tensor4D;
    const gradients = ours.depthwiseGrad({ dy: half, x, filter }, sliding, backend);
    const found = [y, activated, ...gradients].map((one) => tf.tensor(one.dataSync(), one.shape));
    setBfloat16(backend, false);
    const expected = [
      composedKernels.depthwise({ x: wholeX, filter }, sliding, backend),
      composedKernels.depthwisePrelu({ x: wholeX, ...rest }, sliding, backend),
      ...composedKernels.depthwiseGrad({ dy: wholeDy, x: wholeX, filter }, sliding, backend),
    ] as tf.Tensor[];
    compare(`depthwise ${what}`, found, expected, bfloat16 ? 2e-2 : 1e-3);
  });
}

function checkParameters(sizes: readonly number[]): void {
  tf.tidy(() => {
    const list = (): tf.Tensor[] => sizes.map((size) => random([size]));
    const [weights, velocities, gradients] = [list(), list(), list()];
    const norms = [ours, composedKernels].map(({ globalNorm }) =>
      globalNorm(Object.fromEntries(gradients.entries()), {}, backend),
    ) as tf.Tensor[];
    compare(`globalNorm ${sizes}`, [norms[0]!], [norms[1]!], 1e-4);
    for (const [momentum, nesterov] of [
      [0, false],
      [0.9, false],
      [0.9, true],
    ] as const) {
      const lists = { weights, velocities: momentum > 0 ? velocities : [], gradients };
      const inputs = { rate: tf.scalar(0.1), decays: tf.fill<tf.Rank.R1>([sizes.length], 0.01), ...listed(lists) };
      const attrs = { momentum, nesterov };
      compare(
        `sgdUpdate ${sizes}`,
        ours.sgdUpdate(inputs, attrs, backend),
        composedKernels.sgdUpdate(inputs, attrs, backend),
        1e-4,
      );
    }
    const averaged = listed({ averages: weights, values: gradients });
    const attrs = { kept: 0.9, factors: sizes.map((_, i) => 0.1 * (i + 1)) };
    const [found, expected] = [ours, composedKernels].map(({ movingAverages }) =>
      movingAverages(averaged, attrs, backend),
    );
    compare(`movingAverages ${sizes}`, found!, expected!, 1e-5);
  });
}

/** Inputs that do not belong together: an error, and nothing read behind an end. */
function checkRefusals(): void {
  const refuses = (what: string, run: () => unknown): void =>
    tf.tidy(() => {
      try {
        run();
        failures.push(`${what}: not refused`);
      } catch {
        refused++;
      }
    });
  const t = (...shape: number[]): tf.Tensor => tf.ones(shape);
  const epsilon: Attributes = { epsilon: ['FLOAT', 1e-3] };
  const [x, five, four] = [t(2, 3, 5), t(5), t(4)];
  const images = {
    'one channel less': t(2, 3, 4),
    'a row less': t(5, 5),
    'no value': t(0, 5),
    'no channel': t(5, 0),
    'no axis': t(),
  };
  const vectors: Readonly<
    Record<string, [name: string, per: number, gradient: boolean, attributes: Attributes, outputs: number]>
  > = {
    BatchNorm: ['ProtomemBatchNorm', 2, false, epsilon, 3],
    BatchNormPrelu: ['ProtomemBatchNormPrelu', 3, false, epsilon, 3],
    BatchNormGrad: ['ProtomemBatchNormGrad', 3, true, epsilon, 3],
    BatchNormPreluGrad: ['ProtomemBatchNormPreluGrad', 5, true, epsilon, 4],
    LayerNorm: ['ProtomemLayerNorm', 2, false, epsilon, 3],
    ScaleShiftPrelu: ['ProtomemScaleShiftPrelu', 3, false, {}, 1],
    PreluGrad: ['ProtomemPreluGrad', 1, true, {}, 2],
  };
  for (const [name, per, gradient, attributes, outputs] of Object.values(vectors)) {
    const rest = Array.from({ length: per }, () => five);
    const run = (inputs: tf.Tensor[]) => execute(backend, name, inputs, attributes, outputs);
    for (const [what, image] of Object.entries(images)) {
      if (gradient) refuses(`${name} with ${what} in dy`, () => run([image, x, ...rest]));
      if (gradient) refuses(`${name} with ${what} in x`, () => run([x, image, ...rest]));
      // Of no value there are no moments, but there is an activation.
      const fits = what === 'a row less' || (what === 'no value' && name === 'ProtomemScaleShiftPrelu');
      if (!gradient && !fits) refuses(`${name} with ${what}`, () => run([image, ...rest]));
    }
    for (let i = 0; i < per; i++) {
      const wrong = rest.map((one, j) => (i === j ? four : one));
      refuses(`${name} with a short vector ${i}`, () => run([...(gradient ? [x] : []), x, ...wrong]));
    }
  }
  const sgd = (inputs: tf.Tensor[], N: number, M: number) =>
    executeUntyped(
      backend,
      'ProtomemSgd',
      inputs,
      { N: ['INT', N], M: ['INT', M], momentum: ['FLOAT', 0.9], nesterov: ['BOOL', false] },
      N + M,
    );
  const heads = (count: number): Attributes => ({ heads: ['INT', count] });
  for (const qkv of [t(1, 5, 36), t(1, 5, 3 * 40), t(5, 96), t(1, 5, 0)])
    refuses(`Attention of ${qkv.shape}`, () => execute(backend, 'ProtomemAttention', [qkv], heads(2)));
  for (const dy of [t(1, 4, 32), t(2, 5, 32), t(1, 5, 16), t(5, 32)])
    refuses(`AttentionGrad of ${dy.shape}`, () =>
      execute(backend, 'ProtomemAttentionGrad', [dy, t(1, 5, 96)], heads(2)),
    );
  refuses('SplitRows of a vector', () => execute(backend, 'ProtomemSplitRows', [five], {}, 2));
  for (const [dUnit, dNorms] of [
    [t(2, 4), t(2)],
    [t(3, 5), t(2)],
    [t(2, 5), t(3)],
  ] as const)
    refuses(`SplitRowsGrad of ${dUnit.shape} and ${dNorms.shape}`, () =>
      execute(backend, 'ProtomemSplitRowsGrad', [dUnit, dNorms, t(2, 5)], {}),
    );
  for (const groupOf of [[0, 2], [0, -1], [0], [0, 1, 1]])
    refuses(`GroupSums of ${groupOf}`, () =>
      execute(backend, 'ProtomemGroupSums', [t(2, 5), tf.tensor1d(groupOf, 'int32')], { groups: ['INT', 2] }),
    );
  for (const b of [t(2, 4), t(3, 5)])
    refuses(`RowDots with ${b.shape}`, () => execute(backend, 'ProtomemRowDots', [t(2, 5), b], {}));
  refuses('LayerNormGrad with few means', () =>
    execute(backend, 'ProtomemLayerNormGrad', [t(2, 5), t(2, 5), five, t(1), t(2)], {}, 3),
  );
  refuses('LayerNormGrad with few factors', () =>
    execute(backend, 'ProtomemLayerNormGrad', [t(2, 5), t(2, 5), five, t(2), t(3)], {}, 3),
  );
  const conv3x3: [string, tf.Tensor, tf.Tensor][] = [
    ['with a 1x1 filter', t(1, 4, 4, 16), t(1, 1, 16, 16)],
    ['with filters of other channels', t(1, 4, 4, 16), t(3, 3, 32, 32)],
    ['with odd channels', t(1, 4, 4, 5), t(3, 3, 5, 16)],
    ['to odd channels', t(1, 4, 4, 16), t(3, 3, 16, 5)],
    ['without a channel axis', t(4, 4, 16), t(3, 3, 16, 16)],
  ];
  for (const [what, x, filter] of conv3x3) {
    refuses(`Conv3x3 ${what}`, () => execute(backend, 'ProtomemConv3x3', [x, filter], {}));
    const after = [t(filter.shape[3]!), t(filter.shape[3]!)];
    refuses(`Conv3x3Prelu ${what}`, () => execute(backend, 'ProtomemConv3x3Prelu', [x, filter, ...after], {}));
    const turned = filter.rank === 4 ? tf.transpose(filter, [0, 1, 3, 2]) : filter;
    refuses(`Conv3x3InputGrad ${what}`, () => execute(backend, 'ProtomemConv3x3InputGrad', [x, turned], {}));
  }
  const [sixteen, wide] = [t(16), t(1, 4, 4, 16)];
  for (const [op, side] of [
    ['ProtomemPointwisePrelu', 1],
    ['ProtomemConv3x3Prelu', 3],
  ] as const) {
    const filter = t(side, side, 16, 16);
    for (const [what, ...inputs] of [
      ['a short shift', wide, filter, five, sixteen],
      ['a short alpha', wide, filter, sixteen, five],
      ['a filter of another size', wide, t(2, side, 16, 16), sixteen, sixteen],
      ['a filter of other channels', wide, t(side, side, 32, 16), sixteen, sixteen],
      ['no channel axis', t(4, 4, 16), filter, sixteen, sixteen],
    ] as [string, ...tf.Tensor[]][])
      refuses(`${op} with ${what}`, () => execute(backend, op, inputs, {}));
  }
  for (const [x, filter, after] of [
    [t(1, 4, 4, 0), t(1, 1, 0, 16), sixteen],
    [wide, t(1, 1, 16, 0), t(0)],
  ] as const)
    refuses('PointwisePrelu with no channels', () =>
      execute(backend, 'ProtomemPointwisePrelu', [x, filter, after, after], {}),
    );
  for (const dy of [t(1, 4, 3, 16), t(2, 4, 4, 16), t(1, 4, 4, 5), t(4, 4, 16)])
    refuses(`Conv3x3FilterGrad of ${dy.shape}`, () =>
      execute(backend, 'ProtomemConv3x3FilterGrad', [t(1, 4, 4, 16), dy], {}),
    );
  const sliding = (stride: number, padding: number): Attributes => ({
    stride: ['INT', stride],
    padding: ['INT', padding],
  });
  const depthwise: [string, tf.Tensor, tf.Tensor, Attributes][] = [
    ['with kernels of other channels', t(1, 4, 4, 5), t(3, 3, 4, 1), sliding(1, 1)],
    ['with two kernels a channel', t(1, 4, 4, 5), t(3, 3, 5, 2), sliding(1, 1)],
    ['with kernels larger than the image', t(1, 4, 4, 5), t(7, 7, 5, 1), sliding(1, 1)],
    ['with a padding as wide as the kernel', t(1, 4, 4, 5), t(3, 3, 5, 1), sliding(1, 3)],
    ['with a huge padding', t(1, 4, 4, 5), t(3, 3, 5, 1), sliding(1, 2 ** 40)],
    ['without a stride', t(1, 4, 4, 5), t(3, 3, 5, 1), sliding(0, 1)],
    ['without a channel axis', t(4, 4, 5), t(3, 3, 5, 1), sliding(1, 1)],
    ['with kernels of no size', t(1, 4, 4, 5), t(0, 3, 5, 1), sliding(1, 0)],
  ];
  for (const [what, image, filter, attributes] of depthwise) {
    refuses(`Depthwise ${what}`, () => execute(backend, 'ProtomemDepthwise', [image, filter], attributes));
    refuses(`DepthwisePrelu ${what}`, () =>
      execute(backend, 'ProtomemDepthwisePrelu', [image, filter, five, five], attributes),
    );
    refuses(`DepthwiseGrad ${what}`, () =>
      execute(backend, 'ProtomemDepthwiseGrad', [image, image, filter], attributes, 2),
    );
  }
  for (const [shift, alpha] of [
    [four, five],
    [five, four],
  ] as const)
    refuses('DepthwisePrelu with a short vector', () =>
      execute(backend, 'ProtomemDepthwisePrelu', [t(1, 4, 4, 5), t(3, 3, 5, 1), shift, alpha], sliding(1, 1)),
    );
  for (const dy of [t(1, 4, 3, 5), t(2, 4, 4, 5), t(1, 4, 4, 4), t(4, 4, 5)])
    refuses(`DepthwiseGrad of ${dy.shape}`, () =>
      execute(backend, 'ProtomemDepthwiseGrad', [dy, t(1, 4, 4, 5), t(3, 3, 5, 1)], sliding(1, 1), 2),
    );
  refuses('Sgd without a rate', () => sgd([t(0), t(1), five, five, five], 1, 1));
  refuses('Sgd with two rates', () => sgd([t(2), t(1), five, five, five], 1, 1));
  refuses('Sgd with few decays', () => sgd([t(), t(0), five, five, five], 1, 1));
  refuses('Sgd with a short velocity', () => sgd([t(), t(1), five, four, five], 1, 1));
  refuses('Sgd with a short gradient', () => sgd([t(), t(1), five, five, four], 1, 1));
  const averages = (inputs: tf.Tensor[], N: number) =>
    executeUntyped(backend, 'ProtomemMovingAverages', inputs, { N: ['INT', N], kept: ['FLOAT', 0.9] }, N);
  refuses('MovingAverages with few factors', () => averages([t(0), five, five], 1));
  refuses('MovingAverages with a short value', () => averages([t(1), five, four], 1));
  refuses('Sgd with few velocities', () => sgd([t(), t(2), five, five, five, five, five], 2, 1));
}

for (const bfloat16 of [false, true]) {
  for (let channels = 1; channels <= 65; channels++)
    for (const rows of [1, 2, 3, 5, 64, 67, 1021]) checkActivations(rows, channels, bfloat16);
  // What goes past the caches, what several threads share, and ends that are in no step of either.
  for (const channels of [16, 24, 64, 100, 512]) checkActivations(Math.ceil(5e6 / channels) + 1, channels, bfloat16);
}
for (const sizes of [[1], [15, 16, 17], [63, 1, 64, 65], [16383, 16385], [1_048_577, 3], [0, 4]])
  checkParameters(sizes);
for (const from of [16, 32, 48, 80, 112])
  for (const to of [16, 32, 80])
    for (let side = 1; side <= 10; side++) checkConvolution([1 + (side % 3), side, 11 - side, from, to]);
// Several blocks of tiles, and the last one not full.
for (const shape of [
  [7, 30, 26, 64, 64],
  [33, 7, 7, 128, 256],
  [0, 4, 4, 16, 16],
])
  checkConvolution(shape);
for (const bfloat16 of [false, true]) {
  for (let channels = 1; channels <= 35; channels++)
    for (const [kernel, stride, padding] of [
      [[3, 3], 1, 1],
      [[3, 3], 2, 1],
      [[5, 5], 2, 2],
      [[3, 2], 1, 0],
    ] as const)
      checkDepthwise([2, 3 + (channels % 7), 5 + (channels % 6), channels], [...kernel], { stride, padding }, bfloat16);
  // What goes past the caches, and no image at all.
  for (const stride of [1, 2]) checkDepthwise([32, 57, 58, 64], [3, 3], { stride, padding: 1 }, bfloat16);
  checkDepthwise([0, 5, 5, 16], [3, 3], { stride: 1, padding: 1 }, bfloat16);
  checkDepthwise([32, 7, 7, 512], [7, 7], { stride: 1, padding: 0 }, bfloat16);
}
for (const from of [1, 5, 16, 48, 512])
  for (const to of [1, 7, 16, 17, 32, 47, 80])
    for (const pixels of [0, 1, 2, 11, 12, 13, 25, 1021, 40_003]) checkPointwise([pixels, from, to]);
for (let channels = 1; channels <= 65; channels++)
  for (const rows of [1, 3, 67, 1021]) {
    checkLayerNorm(rows, channels);
    checkRows(rows, channels);
  }
for (const tokens of [1, 2, 7, 16, 17, 31, 33, 64, 100, 145])
  for (const depth of [16, 32, 48]) checkAttention([3, tokens, 2, depth]);
checkRefusals();
for (const failure of failures) console.log(failure);
console.log(`${compared} outputs compared, ${refused} inputs refused, ${failures.length} failures`);
if (failures.length > 0) process.exitCode = 1;
