type Tree = Readonly<Record<string, unknown>>;

/** Keys of earlier releases, dotted, and what they are called now. */
const renamed: Readonly<Record<string, string>> = {
  rivals: 'baselines',
  'head.ownExample': 'head.targetPrototype',
  'head.enter': 'head.admit',
  'head.loss.deviation': 'head.loss.std',
  'sampler.few': 'sampler.fewImages',
  'sampler.rivals': 'sampler.doppelgangers',
  'sampler.patience': 'sampler.expireAfter',
  'sampler.observed': 'sampler.observedSamples',
  'sampler.refresh': 'sampler.lag',
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
  return rename(dropSaidForOthers(value), [], warn);
}

const warned = new Set<string>();

function warnOnce(text: string): void {
  if (!warned.has(text)) console.warn(text);
  warned.add(text);
}

const isTree = (value: unknown): value is Tree =>
  typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;

function rename(value: Tree, path: readonly string[], warn: (text: string) => void): Tree {
  const entries = Object.entries(value).map(([key, inner]) => {
    const old = [...path, key].join('.');
    const now = Object.hasOwn(renamed, old) ? renamed[old]! : undefined;
    if (now !== undefined) warn(`"${old}" is now called "${now}"; the old name goes with the next release.`);
    return [now?.split('.').at(-1) ?? key, isTree(inner) ? rename(inner, [...path, key], warn) : inner];
  });
  return Object.fromEntries(entries);
}

/** Whole configurations of earlier releases are known by `few`, which every sampler had. */
function dropSaidForOthers(value: Tree): Tree {
  const { sampler } = value;
  if (!isTree(sampler) || !('few' in sampler) || typeof sampler.kind !== 'string') return value;
  const { kind } = sampler;
  const entries = Object.entries(sampler).filter(([key]) => samplerOptions[key]?.includes(kind) ?? true);
  return { ...value, sampler: Object.fromEntries(entries) };
}
