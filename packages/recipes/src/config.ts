import { ProtomemError, parseJson } from '@protomem/core';
import { checkTogether } from './check-together.ts';
import { type RunConfig, runSchema } from './run-schema.ts';
import { merge, parse } from './schema.ts';
import { currentSpellings } from './spellings.ts';

/**
 * Checks a configuration, or what another one differs from the defaults in; spellings of earlier releases are taken,
 * with a warning.
 *
 * @throws ProtomemError that names the first key that is wrong, or the two that do not go together
 */
export function parseConfig(value: unknown, where: string): RunConfig {
  const config = parse(where, runSchema, currentSpellings(value));
  checkTogether(where, config);
  return config;
}

/** Groups follow the memory, also for the baselines that have none and are to see the same images in the same order. */
export function withGroupSize(config: RunConfig): RunConfig {
  const { head, sampler } = config;
  const { order } = sampler;
  if (order.kind !== 'groups' || order.groupSize !== null || !('size' in head)) return config;
  return { ...config, sampler: { ...sampler, order: { ...order, groupSize: head.size } } };
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
export function patchConfig(config: RunConfig, patches: readonly string[]): RunConfig {
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
