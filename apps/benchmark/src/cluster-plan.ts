import { createPrototypeMemory } from '@protomem/memory';

/** What a step of training costs where several processes share its batch. Times in seconds, sizes in bytes. */
export interface StepCosts {
  /** Forward, backward and the optimizer, for so many images on one rank with a core, or a GPU, of its own. */
  encoder(images: number): number;
  /** The head on the whole batch, which every rank does. */
  readonly head: number;
  readonly gradientBytes: number;
  /** A sum over two ranks, as far as it costs the ranks' own processors: for each piece, and for each byte. */
  readonly reduction: { readonly piece: number; readonly byte: number };
}

/** Between any two ranks, both ways at once. */
export interface Link {
  readonly bytesPerSecond: number;
  readonly latency: number;
}

/** Gradients leave in pieces of so many bytes, as `@protomem/training` sends them. */
export const PIECE = 8e6;

/** Of the encoder's time: what it spends on its way back, while gradients travel. */
const BACKWARD = 2 / 3;

/**
 * Seconds of one step. In a ring each rank sends 2 (R - 1) / R of all bytes, in 2 (R - 1) turns; what processors do for it adds
 * to the step, what the wire takes hides behind the backward pass, except for the last piece.
 *
 * @param where `cores` that the ranks share; `link` without limit where they share a machine; `turns` of a sum, by default a ring's
 */
export function stepSeconds(
  costs: StepCosts,
  batch: number,
  ranks: number,
  where: { readonly cores: number; readonly link?: Link; readonly turns?: number },
): number {
  const crowding = Math.max(1, ranks / where.cores);
  const encoder = costs.encoder(batch / ranks) * crowding;
  if (ranks === 1) return encoder + costs.head;
  const bytes = ((2 * (ranks - 1)) / ranks) * costs.gradientBytes;
  const pieces = Math.ceil(costs.gradientBytes / PIECE);
  const { piece, byte } = costs.reduction;
  // The gathering of embeddings is as one small piece more.
  const calls = (pieces + 1) * piece * (ranks - 1);
  const { bytesPerSecond, latency } = where.link ?? { bytesPerSecond: Number.POSITIVE_INFINITY, latency: 0 };
  const turns = (where.turns ?? 2 * (ranks - 1)) * latency;
  const wire = bytes / bytesPerSecond + pieces * turns;
  const exposed = Math.max(wire - BACKWARD * encoder, wire / pieces) + turns;
  return encoder + (costs.head + bytes * byte) * crowding + calls + exposed;
}

/** Partial FC 0.1 with IResNet-50 and a batch of 1,024 on 8 V100 of 32 GB: identities and images a second, as InsightFace publishes them. */
export const PUBLISHED: readonly (readonly [identities: number, imagesPerSecond: number])[] = [
  [125e3, 5004],
  [1e6, 4803],
  [2e6, 4626],
  [4e6, 4208],
  [8e6, 3565],
  [16e6, 2679],
  [29e6, 1855],
];
const [FEW, FAST] = PUBLISHED[0]!;
const [MANY, SLOW] = PUBLISHED.at(-1)!;

/** Bytes of logits that a memory computes at a time: `logitBytes` of `createPrototypeMemory`. */
const BLOCK = createPrototypeMemory.options.logitBytes.default!;

/** What the plan assumes; who has another cluster puts in other figures. */
const ASSUMED = {
  gpus: 8,
  imagesPerGpu: 128,
  /** Of Partial FC's step, by its first and last figure: what each identity adds, on 8 GPUs. */
  secondsPerIdentity: (1024 / SLOW - 1024 / FAST) / (MANY - FEW),
  /** IResNet-50, float32. */
  gradientBytes: 4 * 43.6e6,
  dimension: 512,
  slots: 200_000,
  /** What a V100 reaches in products of float16 of these shapes, half of its peak. */
  flopsPerSecond: 60e12,
  /** 100 Gbit/s into each machine of eight. */
  link: { bytesPerSecond: 12.5e9, latency: 20e-6 },
} as const;

function plannedSpeed(gpus: number, head: number): number {
  const { gradientBytes, link, imagesPerGpu, secondsPerIdentity } = ASSUMED;
  const eight = 1024 / FAST - FEW * secondsPerIdentity;
  const costs: StepCosts = {
    encoder: (images) => (eight * images) / imagesPerGpu,
    head,
    gradientBytes,
    reduction: { piece: 0, byte: 0 },
  };
  const batch = gpus * imagesPerGpu;
  // NCCL sums in trees.
  const turns = 2 * Math.ceil(Math.log2(gpus));
  return batch / stepSeconds(costs, batch, gpus, { cores: gpus, link, turns });
}

/** Images a second, on GPUs that each hold a part of the weights: what identities add is taken to fall with their number. */
export const partialFcSpeed = (identities: number, gpus: number = ASSUMED.gpus): number =>
  plannedSpeed(gpus, (ASSUMED.secondsPerIdentity * identities * ASSUMED.gpus) / gpus);

/** Images a second and GiB a GPU of a Prototype Memory; the number of identities is in neither. */
export function plannedMemory(
  gpus: number,
  sharded: boolean,
): { readonly imagesPerSecond: number; readonly gib: number } {
  const { imagesPerGpu, dimension, flopsPerSecond } = ASSUMED;
  const batch = gpus * imagesPerGpu;
  const slots = ASSUMED.slots / (sharded ? gpus : 1);
  // Cosines, and their gradients to the embeddings.
  const head = (2 * 2 * batch * slots * dimension) / flopsPerSecond;
  // Values, and a block of cosines with its gradient: never all of them.
  return { imagesPerSecond: plannedSpeed(gpus, head), gib: (4 * slots * dimension + 2 * BLOCK) / 2 ** 30 };
}

/** GiB a GPU of Partial FC's weights and momentum, and of a gradient to a tenth; published with all else: 32 for 29 million on 8. */
const partialFcGib = (identities: number, gpus: number): number =>
  ((2 + 0.1) * 4 * ASSUMED.dimension * identities) / gpus / 2 ** 30;

/** The plan as a table. */
export function planTable(): string {
  const whole = (value: number): string => Math.round(value).toLocaleString('en-US');
  const rows = [8, 64, 512].flatMap((gpus) => {
    const memory = plannedMemory(gpus, false);
    const divided = plannedMemory(gpus, true);
    return [1e6, 29e6, 1e8, 1e9].map((identities) => [
      String(gpus),
      identities.toExponential(0).replace('e+', 'e').replace('3e7', '2.9e7'),
      ...[memory, divided].flatMap(({ imagesPerSecond, gib }) => [whole(imagesPerSecond), gib.toFixed(2)]),
      whole(partialFcSpeed(identities, gpus)),
      partialFcGib(identities, gpus).toFixed(1),
    ]);
  });
  const head = [
    'GPUs',
    'identities',
    'memory, images/s',
    'GiB',
    'sharded, images/s',
    'GiB',
    'Partial FC 0.1, images/s',
    'GiB',
  ];
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}
