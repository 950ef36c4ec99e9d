import { option } from '@protomem/core';

/** The option `scale` of nearly every loss. */
export const scale = <const D extends number>(standard: D) =>
  option.number({ help: 'What cosines are multiplied by.', min: 1e-6, max: 1e6, default: standard });
