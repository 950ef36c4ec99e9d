import { clamped, copyOf, type Pixels } from './pixels.ts';
import { type Region, resize } from './resize.ts';

/**
 * Enlarges a region to the whole image, in place; bilinear, and the outermost pixels go on beyond the border.
 *
 * Source: Szegedy et al., "Going Deeper with Convolutions" (CVPR 2015), section 6, whose random crops are known as
 * random resized crops.
 */
export function crop({ data, height, width }: Pixels, region: Region): void {
  resize(copyOf(data), { height, width, channels: 3 }, region, clamped(data), { height, width });
}
