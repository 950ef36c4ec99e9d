import { currentSpelling } from '@protomem/core';

type Tree = Readonly<Record<string, unknown>>;

/** Keys of earlier releases, dotted, and what they are called now. */
const renamed: Readonly<Record<string, string>> = {
  rivals: 'baselines',
  'head.ownExample': 'head.targetPrototype',
  'head.enter': 'head.admit',
  'head.loss.deviation': 'head.loss.std',
  'sampler.few': 'sampler.fewImages',
  'sampler.groupSize': 'sampler.order.groupSize',
  'sampler.rounds': 'sampler.order.rounds',
  'sampler.power': 'sampler.order.power',
  'sampler.randomShare': 'sampler.companions.randomShare',
  'sampler.rivals': 'sampler.companions.doppelgangers',
  'sampler.doppelgangers': 'sampler.companions.doppelgangers',
  'sampler.patience': 'sampler.mining.expireAfter',
  'sampler.expireAfter': 'sampler.mining.expireAfter',
  'sampler.duplicateAbove': 'sampler.mining.duplicateAbove',
  'sampler.refresh': 'sampler.mining.lag',
  'sampler.lag': 'sampler.mining.lag',
  'sampler.observed': 'sampler.mining.observedSamples',
  'sampler.observedSamples': 'sampler.mining.observedSamples',
};

/** Before a sampler was an order of classes and companions, it was one of these. */
const samplerKinds: Readonly<Record<string, { readonly order: string; readonly companions: string }>> = {
  'classes-by-images': { order: 'every-class', companions: 'none' },
  groups: { order: 'groups', companions: 'none' },
  'every-image': { order: 'every-image', companions: 'none' },
  weighted: { order: 'weighted', companions: 'none' },
  doppelgangers: { order: 'every-class', companions: 'doppelgangers' },
};

/** Before, one set of options stood for every kind of sampler: those that a kind does not have say nothing of a run. */
const samplerOptions: Readonly<Record<string, readonly string[]>> = {
  groupSize: ['groups'],
  rounds: ['groups'],
  power: ['weighted'],
  randomShare: ['doppelgangers'],
  rivals: ['doppelgangers'],
  patience: ['doppelgangers'],
  observed: ['doppelgangers'],
  duplicateAbove: ['doppelgangers'],
  refresh: ['doppelgangers'],
};

/**
 * A configuration of an earlier release, or a part of one, in today's spelling; anything else as it is.
 *
 * @param warn told of each renamed key
 */
export function currentSpellings(value: unknown, warn: (text: string) => void = warnOnce): unknown {
  if (!isTree(value)) return value;
  return rename(splitKind(dropSaidForOthers(value), warn), [], warn);
}

const warned = new Set<string>();

function warnOnce(text: string): void {
  if (!warned.has(text)) console.warn(text);
  warned.add(text);
}

const isTree = (value: unknown): value is Tree =>
  typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;

function rename(value: Tree, path: readonly string[], warn: (text: string) => void): Tree {
  let renamedTree: Tree = {};
  for (const [key, inner] of Object.entries(value)) {
    const old = [...path, key].join('.');
    const now = Object.hasOwn(renamed, old) ? renamed[old]! : undefined;
    if (now !== undefined) warn(goesSoon(`"${old}"`, `"${now}"`));
    const target = now?.split('.').slice(path.length) ?? [key];
    renamedTree = place(renamedTree, target, isTree(inner) ? rename(inner, [...path, key], warn) : inner);
  }
  return renamedTree;
}

const goesSoon = (old: string, now: string): string =>
  `${old} is now called ${now}; the old name goes with the next release.`;

/** A tree with a value at a path of it, beside what is there. */
function place(tree: Tree, [key = '', ...rest]: readonly string[], value: unknown): Tree {
  const there = tree[key];
  const before = isTree(there) ? there : {};
  const inner = rest.length > 0 ? place(before, rest, value) : isTree(value) ? { ...before, ...value } : value;
  return { ...tree, [key]: inner };
}

/** The kind of a sampler, as an order of classes and companions. */
function splitKind(value: Tree, warn: (text: string) => void): Tree {
  if (!isTree(value.sampler)) return value;
  // A name stands for a part with nothing else said, which may be said beside it in old spelling.
  const parts = Object.entries(value.sampler).map(([key, part]) => [
    key,
    typeof part === 'string' && (key === 'order' || key === 'companions') ? { kind: part } : part,
  ]);
  const { kind, ...options } = Object.fromEntries(parts) as Tree;
  if (typeof kind !== 'string') return { ...value, sampler: Object.fromEntries(parts) };
  const known = Object.keys(samplerKinds);
  const now = samplerKinds[currentSpelling(kind, known) ?? ''] ?? {
    order: kind,
    companions: 'none',
  };
  warn(goesSoon(`"sampler.kind=${kind}"`, `"sampler.order=${now.order}" with "sampler.companions=${now.companions}"`));
  // Of these two, one image of a class was the default.
  const one = ['every-image', 'weighted'].includes(now.order) && 'classes' in options ? { images: 1 } : {};
  return {
    ...value,
    sampler: { ...one, ...options, order: { kind: now.order }, companions: { kind: now.companions } },
  };
}

/** Whole configurations of earlier releases are known by `few`, which every sampler had. */
function dropSaidForOthers(value: Tree): Tree {
  const { sampler } = value;
  if (!isTree(sampler) || !('few' in sampler) || typeof sampler.kind !== 'string') return value;
  const { kind } = sampler;
  const entries = Object.entries(sampler).filter(([key]) => samplerOptions[key]?.includes(kind) ?? true);
  return { ...value, sampler: Object.fromEntries(entries) };
}
