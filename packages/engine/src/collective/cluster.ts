import { type OptionsOf, option } from '@protomem/core';

/** @internal Seconds; the most are what a timer takes, 23 days. */
export const timeoutBounds = { min: 1e-3, max: 2e6 } as const;

/** Of the processes that work together. */
export const clusterOptions = {
  rank: option.integer({ help: 'Which of the processes this is, from 0 on.', min: 0 }),
  /** The same list, in the same order, for all; one alone is no cluster. */
  addresses: option.texts({ help: '`host:port` at which each of the processes listens, by rank.' }),
  /** Where others reach a machine at an address that is not its own, as behind a translation of addresses. */
  listen: option.text({
    help: 'Address of this machine at which the process listens, without a port; `0.0.0.0` is all.',
    absent: 'that in `addresses`',
  }),
  timeoutSeconds: option.number({
    help: 'How long a process waits for the others in one call before it gives up.',
    ...{ ...timeoutBounds, default: 300 },
  }),
};

/** The processes that work together: what `loadEngine` takes as `cluster`. */
export type Cluster = OptionsOf<typeof clusterOptions>;
