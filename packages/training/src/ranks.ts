import { check, type ImageBatch, ProtomemError, type State, type Stateful } from '@protomem/core';
import type { Encoder } from '@protomem/core/contracts';
import { type Collective, checkSame, gatherJson, LONG_WAIT_SECONDS } from '@protomem/engine';
import * as tf from '@tensorflow/tfjs';
import { type Recipe, recipeChanges } from './recipe.ts';

/** What a step knows of the batch of all ranks. */
interface WholeBatch {
  /** With this rank's pixels and names, and the labels and images of all ranks, in their order. */
  readonly batch: ImageBatch;
  /** Whether any rank was asked to stop. */
  readonly stop: boolean;
}

/** Gradients on their way to a sum over ranks, in pieces of some megabytes, each of which leaves as soon as it is full. */
interface GradientSum {
  /** In the same order on all ranks; a name that was added already is passed over. */
  add(name: string, gradient: tf.Tensor): void;
  /** @returns the sums, by name; the caller owns them */
  finish(): tf.NamedTensorMap;
}

/** Of one piece: large enough for the bandwidth, small enough that most have left when the backward pass ends. */
const PIECE_BYTES = 8e6;

/** How the ranks of a run take one step together; of one process alone each member gives back what it gets. */
export interface Ranks extends Pick<Collective, 'rank' | 'size'> {
  /** Images of a batch, those of all ranks together. */
  readonly batchSize: number;
  whole(own: ImageBatch, stop: boolean): WholeBatch;
  /** Embeddings of all ranks, `[B, D]`, differentiable in those of this rank, `[b, D]`. */
  embeddings(own: tf.Tensor2D): tf.Tensor2D;
  sumOfGradients(): GradientSum;
  /** Seconds that this rank has waited for others, and computed for them, since it was asked last. */
  waited(): number;
  /** Running statistics, which each rank has of its own images, become the mean of all ranks'. */
  averageStatistics(encoder: Encoder): void;
  /** However long one of them takes, up to an hour. */
  waitForAll(): void;
  /**
   * Has rank 0 do something while the others wait, once they have done what they are to help it with.
   *
   * @returns what came of it there, elsewhere undefined
   */
  onFirst<T>(task: () => Promise<T>, help?: () => unknown): Promise<T | undefined>;
  /** Lets rank 0 go first. */
  firstThenOthers<T>(task: () => Promise<T>): Promise<T>;
  /** Throws unless something is the same on all ranks. */
  checkSame(where: string, what: string, value: string, fix: string): void;
  /** Throws unless all ranks train the same run. */
  checkRecipe(recipe: Recipe): void;
  /** Throws unless parts have the same state on all ranks, by their digests. */
  checkEqual(step: number, parts: Readonly<Record<string, Pick<Stateful, 'state'>>>): Promise<void>;
}

/** Throws unless all ranks train the same run, naming the first key that differs. */
export function checkSameRecipe(where: string, collective: Collective, recipe: Recipe): void {
  const all = gatherJson(collective, recipe);
  for (const [rank, other] of all.entries()) {
    const [first] = recipeChanges(all[0]!, other);
    check(first === undefined, () => ({
      where,
      what: `${first!.key} of rank ${rank}`,
      got: first!.now ?? 'missing',
      expected: `${JSON.stringify(first!.saved) ?? 'nothing'}, as rank 0 has it`,
      fix: 'All ranks have to train the same run: start them with the same command and configuration.',
    }));
  }
}

/**
 * @param ownBatchSize images of a batch that this rank's loader gives
 * @param bfloat16 whether gradients travel in it
 */
export function ranksOf(collective: Collective, ownBatchSize: number, bfloat16 = false): Ranks {
  const { rank, size } = collective;
  const rows = gatherJson(collective, ownBatchSize);
  const batchSize = rows.reduce((sum, count) => sum + count, 0);
  const begin = rows.slice(0, rank).reduce((sum, count) => sum + count, 0);
  const most = Math.max(...rows);

  let waitedMs = 0;
  const timed = <T>(task: () => T): T => {
    const begun = performance.now();
    try {
      return task();
    } finally {
      waitedMs += performance.now() - begun;
    }
  };

  /** `[b, n]` of each rank to `[B, n]`. Ranks with a row less add one for the way. */
  const gatherRows = (own: tf.Tensor2D): tf.Tensor2D =>
    timed(() =>
      tf.tidy(() => {
        const padded =
          own.shape[0] === most
            ? own
            : tf.pad2d(own, [
                [0, most - own.shape[0]],
                [0, 0],
              ]);
        const all = collective.allGather(padded);
        if (rows.every((count) => count === most)) return all;
        return tf.concat(rows.map((count, i) => tf.slice2d(all, [i * most, 0], [count, -1])));
      }),
    );

  const waitForAll = (): void => collective.barrier(LONG_WAIT_SECONDS);

  return {
    rank,
    size,
    batchSize,
    waited() {
      const seconds = waitedMs / 1000;
      waitedMs = 0;
      return seconds;
    },
    sumOfGradients: () => gradientSum(collective, bfloat16, timed),
    whole(own, stop) {
      if (size === 1) return { batch: own, stop };
      check(own.labels.length === ownBatchSize, () => ({
        where: `rank ${rank} of ${size}`,
        what: 'number of images in a batch',
        got: own.labels.length,
        expected: `${ownBatchSize}, the loader's batchSize, for each rank to know what the others have`,
      }));
      const { images } = own;
      const table = Array.from(own.labels, (label, i) => [
        ...inTwo(label),
        ...inTwo(images?.[i] ?? -1),
        Number(stop),
        own.skipped.length,
      ]);
      const given = tf.tensor2d(table, undefined, 'int32');
      const gathered = gatherRows(given);
      const all = gathered.arraySync();
      tf.dispose([given, gathered]);
      const column = (first: number): Float64Array =>
        Float64Array.from(all, (row) => inOne(row[first]!, row[first + 1]!));
      const batch = {
        ...own,
        labels: column(0),
        ...(images && { images: column(2) }),
        skipped: all.some((row) => row[5]! > 0) ? gatherJson(collective, own.skipped).flat() : [],
      };
      return { batch, stop: all.some((row) => row[4] === 1) };
    },
    embeddings(own) {
      if (size === 1) return own;
      const gather = tf.customGrad((x) => ({
        value: gatherRows(x as tf.Tensor2D),
        gradFunc: (dy) => tf.slice2d(dy as tf.Tensor2D, [begin, 0], [ownBatchSize, -1]),
      }));
      return gather(own) as tf.Tensor2D;
    },
    averageStatistics({ parameters }) {
      // The mean of three equal numbers may differ from them in the last digit: what is frozen stays as it is.
      const statistics = parameters.filter((one) => !one.trainable && !one.frozen).map(({ variable }) => variable);
      if (size === 1 || statistics.length === 0) return;
      tf.tidy(() => {
        const means = collective.allReduce(statistics as tf.Tensor[], 'mean');
        for (const [i, variable] of statistics.entries()) variable.assign(means[i]!);
      });
    },
    waitForAll,
    async onFirst(task, help) {
      const done = rank === 0 ? await task() : undefined;
      if (rank > 0) await help?.();
      waitForAll();
      return done;
    },
    async firstThenOthers(task) {
      const done = rank === 0 ? await task() : undefined;
      waitForAll();
      const found = rank === 0 ? done! : await task();
      waitForAll();
      return found;
    },
    checkSame: (where, what, value, fix) => checkSame(collective, where, what, value, fix),
    checkRecipe: (recipe) => checkSameRecipe('createTrainer', collective, recipe),
    async checkEqual(step, parts) {
      if (size === 1) return;
      const own: [string, number][] = [];
      for (const [name, part] of Object.entries(parts)) own.push([name, digestOf(await part.state())]);
      const all = gatherJson(collective, own);
      for (const [i, [name, digest]] of own.entries()) {
        const other = all.findIndex((digests) => digests[i]![1] !== all[0]![i]![1]);
        if (other < 0) continue;
        throw new ProtomemError({
          where: `step ${step}`,
          what: `the ${name} of rank ${other} (digest)`,
          got: all[other]![i]![1],
          expected: `${all[0]![i]![1]}, as rank 0 has it${rank === other ? '' : ` (this is rank ${rank}, with ${digest})`}`,
          fix: 'The ranks have come apart and no longer train one encoder: are processors, threads and versions the same? Go on from the newest checkpoint.',
        });
      }
    },
  };
}

function gradientSum({ startAllReduce }: Collective, bfloat16: boolean, timed: <T>(task: () => T) => T): GradientSum {
  const known = new Set<string>();
  const sent: { readonly names: readonly string[]; readonly finish: () => tf.Tensor[] }[] = [];
  let piece: { readonly name: string; readonly gradient: tf.Tensor }[] = [];
  let bytes = 0;
  const send = (): void => {
    if (piece.length === 0) return;
    const gradients = piece.map(({ gradient }) => gradient);
    sent.push({ names: piece.map(({ name }) => name), finish: startAllReduce(gradients, 'sum', bfloat16) });
    piece = [];
    bytes = 0;
  };
  return {
    add(name, gradient) {
      if (known.has(name)) return;
      known.add(name);
      piece.push({ name, gradient });
      bytes += 4 * gradient.size;
      if (bytes >= PIECE_BYTES) send();
    },
    finish: () =>
      timed(() => {
        send();
        const found: tf.NamedTensorMap = {};
        for (const { names, finish } of sent) {
          for (const [i, sum] of finish().entries()) found[names[i]!] = sum;
        }
        return found;
      }),
  };
}

/** An integer below 2^53 as two of 32 bits. */
const HALF = 2 ** 27;
const inTwo = (value: number): [number, number] => [Math.floor(value / HALF), value - Math.floor(value / HALF) * HALF];
const inOne = (high: number, low: number): number => high * HALF + low;

/** 32 bits of a state, which tell whether two are equal. */
function digestOf({ values, tensors }: State): number {
  let digest = 0;
  const add = (words: ArrayLike<number>): void => {
    for (let i = 0; i < words.length; i++) {
      digest = Math.imul(digest ^ words[i]!, 0x9e3779b1);
      digest ^= digest >>> 15;
    }
  };
  add(new TextEncoder().encode(JSON.stringify(values)));
  for (const [name, { data }] of Object.entries(tensors)) {
    add(new TextEncoder().encode(name));
    const { buffer, byteOffset, byteLength } = data;
    const words = byteOffset % 4 === 0 && byteLength % 4 === 0;
    add(words ? new Int32Array(buffer, byteOffset, byteLength / 4) : new Uint8Array(buffer, byteOffset, byteLength));
  }
  return digest >>> 0;
}
