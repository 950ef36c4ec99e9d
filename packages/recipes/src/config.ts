import { type BaselineName, baselines } from '@protomem/baselines';
import { nearest, ProtomemError } from '@protomem/core';
import { type LossName, losses } from '@protomem/losses';
import { z } from 'zod';

const count = z.int().min(1);
const share = z.number().min(0).max(1);

/** Where training images come from. */
const data = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('synthetic'),
    /** Identities to train on; those of the evaluation follow them. */
    identities: count,
    imagesPerIdentity: count,
    /** How much the images of one person differ; 1 is the renderer's own choice. */
    variation: z.number().min(0).max(3),
    seed: z.int(),
  }),
  z.strictObject({
    kind: z.literal('dataset'),
    /** A file or folder of any format that `openDataset` of `@protomem/data` reads. */
    path: z.string().min(1),
    /** Identities with fewer images are left out of training. */
    minImages: count,
  }),
]);

/** Pairs of people who are not in the training set. */
const evaluation = z.strictObject({
  /** Evaluate every so many steps; 0: only at the end. */
  every: z.int().min(0),
  batch: count,
  pairs: z.discriminatedUnion('kind', [
    z.strictObject({
      kind: z.literal('synthetic'),
      identities: z.int().min(2),
      imagesPerIdentity: z.int().min(2),
      /** Of each kind, same and different. */
      count: z.int().min(10),
    }),
    z.strictObject({
      kind: z.literal('lfw'),
      /** Pair list in LFW's format; everybody named in it is kept out of training. */
      file: z.string().min(1),
      /** Folder with one folder of images for each person; null: the training data's. */
      dir: z.string().min(1).nullable().default(null),
    }),
    z.strictObject({
      kind: z.literal('bin'),
      /** Verification set of InsightFace, such as lfw.bin. It names nobody: none of its people may be in the training data. */
      file: z.string().min(1),
    }),
  ]),
});

/** A loss of `@protomem/losses` and its options, which it checks itself. */
const loss = z.object({ name: z.enum(Object.keys(losses) as [LossName, ...LossName[]]) }).catchall(z.json());

/** Columns of the softmax. A baseline takes over the size of the memory that it is compared with. */
const columns = count.default(1000);

const head = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('prototype-memory'),
    /** Slots of the memory, M. */
    size: count,
    generation: z.enum(['mean', 'medoid', 'quality']),
    ownExample: z.enum(['all', 'leave-one-out', 'split']),
    gradient: z.enum(['stop', 'exemplars']),
    refresh: z.enum(['blend', 'replace', 'running-mean', 'age-aware']),
    refreshRatio: share,
    renewAge: z.boolean(),
    eviction: z.enum(['oldest', 'fifo', 'random', 'least-confident']),
    enter: z.enum(['before', 'after']),
    prototypeRate: z.number().min(0),
    driftCompensation: share,
    storage: z.enum(['float32', 'bfloat16']),
    /** Nearest columns that enter the loss; null: all. */
    hardest: count.nullable(),
    loss,
  }),
  z.strictObject({ kind: z.literal('full-softmax'), loss }),
  z.strictObject({ kind: z.literal('partial-fc'), size: columns, loss }),
  z.strictObject({ kind: z.literal('dcq'), size: columns, momentum: share.default(0.999), loss }),
  z.strictObject({ kind: z.literal('dynamic-class-pool'), size: columns, momentum: share.default(0.99), loss }),
  z.strictObject({ kind: z.literal('semi-siamese'), size: columns, momentum: share.default(0.999), loss }),
  z.strictObject({ kind: z.literal('batch-only'), loss }),
]);

const schema = z.strictObject({
  recipe: z.string(),
  seed: z.int().min(0),
  /** Optimizer steps in all. */
  steps: count,
  engine: z.strictObject({
    prefer: z.enum(['auto', 'node-gpu', 'node', 'webgpu', 'wasm', 'cpu']),
    /** 0: one for each core. */
    threads: z.int().min(0),
    precision: z.enum(['float32', 'bfloat16']),
  }),
  data,
  /** As `createAugmentation` of `@protomem/data` takes it. */
  augmentation: z.strictObject({
    flip: share,
    crop: z.number().min(0).max(0.99),
    shift: share,
    zoom: z.number().min(0).max(0.9),
    rotate: z.number().min(0).max(180),
    brightness: share,
    contrast: share,
    saturation: share,
    greyscale: share,
    blur: share,
    blurSigma: z.number().min(0.1).max(10),
    downscale: share,
    downscaleFactor: z.number().min(0.05).max(1),
    jpeg: share,
    jpegQuality: z.number().min(1).max(95),
    cutout: share,
    cutoutSize: share,
  }),
  sampler: z.strictObject({
    kind: z.enum(['classes-by-images', 'groups', 'every-image', 'weighted', 'doppelgangers']),
    /** Identities in a batch. */
    classes: count,
    /** Images of each; 1 with `every-image` is instance sampling. */
    images: count,
    /** What becomes of identities with fewer images than that. */
    few: z.enum(['repeat', 'fill', 'skip']),
    /** For `groups`: identities in one group, null for as many as the memory has slots; and rounds before the next. */
    groupSize: count.nullable(),
    rounds: count,
    /** For `weighted`: exponent of the number of images. */
    power: share,
    /** For `doppelgangers`: share of a batch's identities that come in random order; the others are look-alikes of theirs. */
    randomShare: share.default(0.5),
    /** Look-alikes kept for each identity, and steps for which they count after they were last seen; null: for ever. */
    rivals: count.default(4),
    patience: count.nullable().default(200),
    /** Samples of each batch whose nearest look-alike the miner notes. */
    observed: count.default(32),
    /** Cosine above which two identities may be one person: listed in duplicates.tsv, and no look-alikes. */
    duplicateAbove: z.number().min(-1).max(1).default(0.7),
    /** Steps between two looks at who is like whom, at least `loader.prefetch`: batches are planned from what was known one to two of these before. */
    refresh: count.default(8),
  }),
  loader: z.strictObject({ workers: z.int().min(0), prefetch: count, cacheBytes: z.int().min(0) }),
  encoder: z.strictObject({
    name: z.enum(['mobilefacenet', 'iresnet18', 'iresnet34', 'iresnet50', 'iresnet100']),
    /** Side of the square input image, pixels. */
    inputSize: z.int().min(16),
    embeddingSize: count,
    width: z.number().positive(),
    dropout: z.number().min(0).max(0.95),
    /** Residual blocks computed again on the way back: less memory, a third more arithmetic. null: false. */
    recompute: z.boolean().nullable(),
  }),
  head,
  /** Heads to train after the first, with the same code, data and budget, for the report to compare. */
  rivals: z.array(z.enum(Object.keys(baselines) as [BaselineName, ...BaselineName[]])),
  optimizer: z.strictObject({
    momentum: share,
    weightDecay: z.number().min(0),
    clipNorm: z.number().positive(),
    /** Images that go through the encoder at once, for batches that do not fit; null: the whole batch. */
    encoderBatch: z.int().min(2).nullable(),
  }),
  schedule: z.strictObject({
    kind: z.enum(['cosine', 'one-cycle']),
    base: z.number().positive(),
    /** Steps of linear warm-up. */
    warmup: z.int().min(0),
  }),
  evaluation,
  checkpoint: z.strictObject({ every: count, keep: count }),
  log: z.strictObject({ tensorboard: z.boolean() }),
});

/** A whole run, resolved: what a recipe returns, what `--set` changes, what is saved beside the results. */
export type RunConfig = z.infer<typeof schema>;

/** Checks a configuration; the first thing that is wrong is named by its key. */
export function parseConfig(value: unknown, where: string): RunConfig {
  const parsed = schema.safeParse(value);
  if (parsed.success) return withGroupSize(checkMining(parsed.data, where));
  const issue = parsed.error.issues[0]!;
  const path = issue.path.map(String);
  if (issue.code === 'unrecognized_keys') {
    const siblings = Object.keys((read(value, path) as object) ?? {}).filter((key) => !issue.keys.includes(key));
    throw unknownKey(where, [...path, issue.keys[0]!], siblings);
  }
  throw new ProtomemError({
    where,
    what: path.join('.') || 'the configuration',
    got: read(value, path),
    expected: 'options' in issue && Array.isArray(issue.options) ? `one of ${issue.options.join(', ')}` : issue.message,
  });
}

/** Heads that see which identities look alike. */
export const headsWithRivals: readonly RunConfig['head']['kind'][] = ['prototype-memory'];

/** Doppelgangers need a head that sees them, and plans that are ready when the loader asks. */
function checkMining(config: RunConfig, where: string): RunConfig {
  const { sampler, head, rivals, loader } = config;
  if (sampler.kind !== 'doppelgangers') return config;
  const blind = [head.kind, ...rivals].find((kind) => !headsWithRivals.includes(kind));
  if (blind) {
    throw new ProtomemError({
      where,
      what: 'a head for sampler.kind=doppelgangers',
      got: blind,
      expected: `a head that sees who looks like whom: ${headsWithRivals.join(', ')}`,
      fix: blind === head.kind ? 'Choose another sampler.kind.' : 'Set rivals=[], or choose another sampler.kind.',
    });
  }
  if (loader.prefetch > sampler.refresh) {
    throw new ProtomemError({
      where,
      what: 'sampler.refresh',
      got: sampler.refresh,
      expected: `at least loader.prefetch, ${loader.prefetch}`,
    });
  }
  return config;
}

/** Groups follow the memory, also for the rivals that have none and are to see the same images in the same order. */
function withGroupSize(config: RunConfig): RunConfig {
  const { head, sampler } = config;
  if (sampler.groupSize !== null || !('size' in head)) return config;
  return { ...config, sampler: { ...sampler, groupSize: head.size } };
}

/**
 * Applies `--set key.path=value` patches, one after the other. A value is JSON where it parses as JSON, else text.
 * Keys that the configuration does not have are refused; setting `kind` of a part to another kind starts that part
 * from the fields that both kinds share.
 */
export function patchConfig(config: RunConfig, patches: readonly string[]): RunConfig {
  let value: unknown = config;
  for (const patch of patches) {
    const at = patch.indexOf('=');
    if (at < 1) {
      throw new ProtomemError({ where: '--set', what: 'its value', got: patch, expected: 'key.path=value' });
    }
    const path = patch.slice(0, at).split('.');
    for (const [depth, key] of path.entries()) {
      const parent = read(value, path.slice(0, depth));
      const known = typeof parent === 'object' && parent !== null ? Object.keys(parent) : [];
      const mayAppear = depth === path.length - 1 && known.includes('kind');
      const isLossOption = depth === 2 && path[0] === 'head' && path[1] === 'loss';
      if (!known.includes(key) && !mayAppear && !isLossOption) {
        throw unknownKey('--set', path.slice(0, depth + 1), known);
      }
    }
    value = write(value, path, parseValue(patch.slice(at + 1)));
    if (path.at(-1) === 'kind') value = keepShared(value, path.slice(0, -1));
  }
  return parseConfig(value, '--set');
}

/** Drops from a part what its new kind does not have. */
function keepShared(value: unknown, path: readonly string[]): unknown {
  const part = read(value, path) as Record<string, unknown>;
  const kinds = unions[path.join('.')]?.options ?? [];
  const chosen = kinds.find((option) => option.shape.kind.value === part.kind);
  // An unknown kind is refused, with the known ones, when the whole is checked.
  if (!chosen) return value;
  return write(value, path, Object.fromEntries(Object.entries(part).filter(([key]) => key in chosen.shape)));
}

/** Parts that come in several kinds. */
const unions: Readonly<Record<string, { options: readonly { shape: { kind: { value: string } } }[] }>> = {
  data,
  head,
  'evaluation.pairs': evaluation.shape.pairs,
};

function unknownKey(where: string, path: readonly string[], known: readonly string[]): ProtomemError {
  const near = nearest(path.at(-1)!, known);
  return new ProtomemError({
    where,
    what: 'a key',
    got: path.join('.'),
    expected: `one of ${known.map((key) => [...path.slice(0, -1), key].join('.')).join(', ')}`,
    fix: near ? `Did you mean "${[...path.slice(0, -1), near].join('.')}"?` : undefined,
  });
}

function parseValue(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function read(value: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((part, key) => (part as Record<string, unknown> | undefined)?.[key], value);
}

function write(value: unknown, path: readonly string[], leaf: unknown): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return leaf;
  const parent = value as Record<string, unknown>;
  return { ...parent, [key]: write(parent[key], rest, leaf) };
}
