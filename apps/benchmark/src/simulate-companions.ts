import { type PlannedImage, Random } from '@protomem/core';
import { makeHead, makeMiner, makeSampler, patchConfig, resolveRecipe, settled } from '@protomem/recipes';
import * as tf from '@tensorflow/tfjs';

/** Width of an embedding; families of people who look alike. */
const [DIMENSION, FAMILIES] = [64, 50];
/** Batches planned ahead, as a loader does. */
const PREFETCH = 4;

export interface Simulated {
  readonly identities: number;
  /** `sampler...` of a run, and anything else of one. */
  readonly patches: readonly string[];
  readonly steps: number;
}

/** Means over the second half of the steps. */
export interface Companionship {
  /** Places of a batch that were to be filled with look-alikes. */
  readonly places: number;
  /** Of them, those that were: the others went to random classes. */
  readonly filled: number;
  /** Of those filled, look-alikes of the batch's own starters; the others came in pairs or clusters out of the memory. */
  readonly paired: number;
  /** Share of a batch's classes found in memory. */
  readonly hitRate: number;
  /** Cosine of a class in such a place to the most alike class of its batch, as the encoder sees them now. */
  readonly nearest: number;
  /** The same for the starters. */
  readonly startersNearest: number;
  /** Cosine of an image to the most alike other class of its batch. */
  readonly imagesNearest: number;
}

/**
 * A run's sampler, miner and memory, as a configuration makes them, beside an encoder that is made up: people in families
 * who look alike, images that scatter around their person, and a space that turns with every step, so that stored
 * prototypes fall behind. Nothing is trained; what is told is who meets whom.
 */
export function simulateCompanions({ identities, patches, steps }: Simulated): Companionship {
  const config = settled(
    patchConfig(resolveRecipe('demo'), [
      ...['head.size=200', 'sampler.classes=16', 'sampler.images=2', `encoder.embeddingSize=${DIMENSION}`],
      ...patches,
    ]),
  );
  const { classes, images } = config.sampler;
  const source = { name: 'made up', identities, imagesPerIdentity: 16, imagesOf: () => 16 };
  const { head, memory } = makeHead(config, identities);
  const miner = makeMiner(config, identities);
  const mined = new Map<number, { readonly filled: number; readonly paired: number; readonly starters: number }>();
  const sampler = makeSampler(
    config,
    source as never,
    miner && {
      minedImages: miner.minedImages,
      minedClasses(request) {
        const named = miner.minedClasses(request);
        mined.set(request.batch, {
          filled: named.length,
          paired: miner.metrics().paired!,
          starters: request.chosen.length,
        });
        return named;
      },
    },
  );
  const ahead: (readonly PlannedImage[])[] = [];
  const sums = { places: 0, filled: 0, paired: 0, hitRate: 0, nearest: 0, startersNearest: 0, imagesNearest: 0 };
  const from = Math.floor(steps / 2);
  for (let step = 0; step < steps; step++) {
    while (ahead.length <= PREFETCH) ahead.push(sampler.next());
    const plan = ahead.shift()!;
    const labels = plan.map(({ identity }) => identity);
    tf.tidy(() => {
      const embeddings = tf.tensor2d(
        plan.flatMap(({ identity, image }) => embeddingOf(identity, image, step)),
        [plan.length, DIMENSION],
      );
      tf.grad((e) => tf.mean(head.loss(e as tf.Tensor2D, labels)))(embeddings);
    });
    miner?.observe(
      memory!.lastLookAlikes(),
      memory!.lastEvicted(),
      plan.map(({ image }) => image),
    );
    if (step < from) continue;
    const { filled, paired, starters } = mined.get(step) ?? { filled: 0, paired: 0, starters: classes };
    const people = Array.from({ length: classes }, (_, i) => faceOf(labels[i * images]!, step));
    const nearest = people.map((one) =>
      Math.max(...people.filter((other) => other !== one).map((other) => dot(one, other))),
    );
    sums.places += classes - starters;
    sums.filled += filled;
    sums.paired += paired;
    sums.hitRate += memory!.metrics().hitRate!;
    sums.nearest += mean(nearest.slice(starters, starters + filled));
    const others = (i: number): number[][] => people.filter((_, c) => c !== Math.floor(i / images));
    sums.imagesNearest += mean(
      plan.map(({ identity, image }, i) => {
        const embedding = embeddingOf(identity, image, step);
        return Math.max(...others(i).map((other) => dot(embedding, other)));
      }),
    );
    sums.startersNearest += mean(nearest.slice(0, starters));
  }
  head.dispose();
  const counted = steps - from;
  return Object.fromEntries(
    Object.entries(sums).map(([name, sum]) => [name, sum / counted]),
  ) as unknown as Companionship;
}

const unit = (v: readonly number[]): number[] => {
  const length = Math.hypot(...v);
  return v.map((x) => x / length);
};
const sum = (a: readonly number[], b: readonly number[], share = 1): number[] => a.map((x, i) => x + share * b[i]!);
const dot = (a: readonly number[], b: readonly number[]): number => a.reduce((sum, x, i) => sum + x * b[i]!, 0);
const mean = (values: readonly number[]): number =>
  values.length > 0 ? values.reduce((sum, x) => sum + x, 0) / values.length : 0;
const normals = (...key: number[]): number[] => {
  const random = new Random(...key);
  return unit(Array.from({ length: DIMENSION }, () => random.normal()));
};

const remembered = new Map<string, readonly number[]>();
function once(make: () => readonly number[], ...key: readonly number[]): readonly number[] {
  const name = key.join();
  const known = remembered.get(name) ?? make();
  remembered.set(name, known);
  return known;
}

/** A person at some step: half of the family, half of their own, in a space that turns. */
const faceOf = (identity: number, step: number): number[] => turned(personOf(identity), step);

const personOf = (identity: number): readonly number[] =>
  once(() => unit(sum(normals(1, identity % FAMILIES), normals(2, identity))), identity);

/** An image: at a cosine of about 0.8 to its person. */
const embeddingOf = (identity: number, image: number, step: number): number[] =>
  turned(
    once(() => unit(sum(personOf(identity), normals(3, identity, image), 0.75)), identity, image),
    step,
  );

/** Each pair of axes turns at a pace of its own: a prototype 25 steps old has a cosine of about 0.8 to a fresh one. */
function turned(v: readonly number[], step: number): number[] {
  const out = [...v];
  for (let i = 0; i < v.length; i += 2) {
    const angle = (0.045 * step * i) / v.length;
    const [cos, sin, x, y] = [Math.cos(angle), Math.sin(angle), v[i]!, v[i + 1]!];
    out[i] = x * cos - y * sin;
    out[i + 1] = x * sin + y * cos;
  }
  return out;
}
