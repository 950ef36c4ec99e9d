import { isObject, ProtomemError, parseJson } from '@protomem/core';
import { checkTogether } from './check-together.ts';
import { type RunConfig, type RunDraft, runSchema } from './run-schema.ts';
import { merge, parse, withoutDefaults } from './schema.ts';
import { currentSpellings } from './spellings.ts';

/**
 * Checks a configuration, or what another one differs from the defaults in; spellings of earlier releases are taken,
 * with a warning.
 *
 * @throws ProtomemError that names the first key that is wrong, or the two that do not go together
 */
export function parseConfig(value: unknown, where: string): RunDraft {
  const config = parse(where, runSchema, currentSpellings(value));
  checkTogether(where, config);
  return config;
}

/** What a configuration says itself: options at their defaults, such as those that a later release adds, are left out. */
export const sayings = (config: RunDraft): object => (withoutDefaults(runSchema, config) ?? {}) as object;

/** Groups follow the memory, also for the baselines that have none and are to see the same images in the same order. */
export function withGroupSize<C extends RunDraft | RunConfig>(config: C): C {
  const { head, sampler } = config;
  const { order } = sampler;
  if (order.kind !== 'groups' || order.groupSize !== null || !('size' in head) || head.size === null) return config;
  return { ...config, sampler: { ...sampler, order: { ...order, groupSize: head.size } } };
}

/** Dotted keys that null leaves to the plan. A group without a size is as large as the memory. */
const plannedKeys = [
  'steps',
  'head.size',
  'head.batchShare',
  'sampler.classes',
  'sampler.images',
  'sampler.order.rounds',
  'sampler.order.groupSize',
  'schedule.warmup',
  'evaluation.every',
];

/** What stands at a dotted key. */
export const at = (value: unknown, path: string): unknown =>
  path
    .split('.')
    .reduce<unknown>((inner, key) => (isObject(inner) ? (inner as Record<string, unknown>)[key] : undefined), value);

/**
 * A configuration that leaves nothing to the plan.
 *
 * @throws ProtomemError that names the first key that does: the data have to be open for it
 */
export function settled(draft: RunDraft): RunConfig {
  const left = plannedKeys.find((key) => key !== 'sampler.order.groupSize' && at(draft, key) === null);
  if (left !== undefined) {
    const fix = 'Say it, or run the configuration: what is null is chosen once the data are open.';
    throw new ProtomemError({ where: 'a configuration', what: left, got: null, expected: 'a number', fix });
  }
  return draft as RunConfig;
}

/** A configuration with the numbers of the run that it goes on with, where it leaves them to a plan. */
export function withPlanOf(saved: RunDraft, draft: RunDraft): RunDraft {
  const left = plannedKeys.filter((key) => at(draft, key) === null && typeof at(saved, key) === 'number');
  return patchConfig(
    draft,
    left.map((key) => `${key}=${at(saved, key)}`),
  );
}

/** A configuration of today's spelling with differences laid over it, not yet checked as a whole. */
export function withDifferences(where: string, base: unknown, differences: unknown): unknown {
  return merge(where, runSchema, base, currentSpellings(differences));
}

/**
 * Applies `--set key.path=value` patches, one after the other. A value is JSON where it parses as JSON, else text.
 * Setting the kind of a part to another starts that part from the fields that both share; setting a whole part starts it
 * from its defaults.
 */
export function patchConfig(config: RunDraft, patches: readonly string[]): RunDraft {
  let value: unknown = config;
  for (const patch of patches) {
    const at = patch.indexOf('=');
    if (at < 1) {
      throw new ProtomemError({ where: '--set', what: 'its value', got: patch, expected: 'key.path=value' });
    }
    const path = patch.slice(0, at).split('.');
    const leaf = parseValue(patch.slice(at + 1));
    const whole = typeof leaf === 'object' && leaf !== null && !Array.isArray(leaf);
    value = withDifferences('--set', whole ? without(value, path) : value, nested(path, leaf));
  }
  return withGroupSize(parseConfig(value, '--set'));
}

function parseValue(text: string): unknown {
  try {
    JSON.parse(text);
  } catch {
    return text;
  }
  return parseJson(text, { where: '--set', what: 'its value' });
}

const nested = (path: readonly string[], leaf: unknown): unknown =>
  path.reduceRight((value, key) => ({ [key]: value }), leaf);

function without(value: unknown, [key, ...rest]: readonly string[]): unknown {
  if (typeof value !== 'object' || value === null || key === undefined) return value;
  const { [key]: inner, ...others } = value as Record<string, unknown>;
  return rest.length === 0 ? others : { ...others, [key]: without(inner, rest) };
}
