import { option } from '@protomem/core';

/** The option `scale` of nearly every loss. */
export const scale = <const D extends number>(standard: D) =>
  option.number({ help: 'What cosines are multiplied by.', min: 1e-6, max: 1e6, default: standard });

/** The option `margin` of losses that add it to an angle. */
export const angularMargin = <const D extends number>(standard: D) =>
  option.number({
    help: "Added to the angle to a sample's own class, radians.",
    ...{ min: 0, max: Math.PI, default: standard },
  });

/** The option `margin` of losses that take it off a cosine. */
export const cosineMargin = <const D extends number>(standard: D) =>
  option.number({ help: "Taken off the cosine to a sample's own class.", min: 0, max: 2, default: standard });
