import { type DataFacts, expectedHitRate } from './hit-rate.ts';
import { remedy, tooLow } from './plan.ts';
import type { RunConfig } from './run-schema.ts';

/** Steps before anything is told; then it is looked at again whenever they have doubled, and at the end. */
const FIRST = 20;
/** By how much an expectation is to be above one half, where the run has not ended. */
const MARGIN = 0.03;

/**
 * Watches the share of classes found in memory while a head trains, and warns once where it stays below one half though
 * more was to be expected by then.
 *
 * @param warn told in a sentence
 * @returns to be called with the number and the metrics of each step
 */
export function watchHitRate(
  config: RunConfig,
  data: DataFacts,
  warn: (sentence: string) => void,
): (step: number, metrics: Readonly<Record<string, number>>) => void {
  let [begun, sum, next] = [0, 0, FIRST];
  let warned = false;
  const hits = (steps: number): number | undefined => {
    const rate = steps > 0 ? expectedHitRate({ ...config, steps }, data) : 0;
    return rate === undefined ? undefined : steps * rate;
  };
  return (step, metrics) => {
    const found = metrics['head/hitRate'];
    if (found === undefined || warned) return;
    if (sum === 0 && begun === 0) begun = step - 1;
    sum += found;
    const seen = step - begun;
    const last = step === config.steps;
    if (seen < next && !last) return;
    next = 2 * seen;
    const observed = sum / seen;
    const [until, before] = [hits(step), hits(begun)];
    const expected = until === undefined || before === undefined ? undefined : (until - before) / seen;
    // Of a head whose hits cannot be told beforehand, a memory that is full twice over has shown what it does.
    const enough =
      expected === undefined
        ? 'size' in config.head && seen * config.sampler.classes >= 2 * config.head.size
        : expected >= (last ? 0.5 : 0.5 + MARGIN);
    if (!enough || !tooLow(observed)) return;
    warned = true;
    const percent = (share: number): string => `${(100 * share).toFixed(0)} %`;
    const planned = expected === undefined ? '' : `, where ${percent(expected)} were to be expected`;
    warn(
      `only ${percent(observed)} of classes were found in memory up to step ${step}${planned}: the others come as new ones and are never refreshed. ${reason(config, data)}`,
    );
  };
}

/** What takes more from the hit rate than arithmetic says, and what to change. */
function reason(config: RunConfig, data: DataFacts): string {
  const { head, sampler } = config;
  if (head.kind === 'prototype-memory') {
    if (head.eviction !== 'oldest') return 'Set --set head.eviction=oldest.';
    if (!head.renewAge) return 'Set --set head.renewAge=true.';
    const { order, companions } = sampler;
    const large = order.kind === 'groups' && (order.groupSize ?? data.identities) > 0.75 * head.size;
    if (companions.kind !== 'none' && large) {
      return `Look-alikes keep classes of other groups in memory: --set sampler.order.groupSize=${Math.floor(0.75 * head.size)}.`;
    }
  }
  const expected = expectedHitRate(config, data);
  if (expected !== undefined && tooLow(expected)) return remedy(config, data);
  return 'Take more slots (head.size), or groups smaller than the memory (sampler.order.groupSize).';
}
