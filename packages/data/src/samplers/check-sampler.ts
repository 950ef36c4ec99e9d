import { check, type Json, type State } from '@protomem/core';

/** Refuses the state of a sampler that was made otherwise: its batches would be others. */
export function checkSampler(where: string, made: Readonly<Record<string, Json>>, state: State): void {
  for (const [key, value] of Object.entries(made)) {
    check(state.values[key] === value, () => ({
      where,
      what: `${key} of the saved state`,
      got: state.values[key],
      expected: `${value}, as this sampler was made`,
      fix: 'Resume with the data and options that the run was started with, or start a new run.',
    }));
  }
}
