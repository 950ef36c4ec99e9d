/** A rectangle of an image, pixels; sides may lie between pixels and outside of the image. */
export interface Region {
  readonly top: number;
  readonly left: number;
  readonly height: number;
  readonly width: number;
}

/** Size of an image and its values for each pixel. */
export interface Layout {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

/**
 * Stretches a region to a size, bilinear: the centre of pixel x of the result lies at `left + (x + 1/2) · region.width /
 * width - 1/2`, and the outermost pixels go on beyond the border. Meant for enlarging: where it shrinks, it skips pixels.
 *
 * @param from row-major, `[height, width, channels]`
 * @param to receives as many channels; must not share memory with `from`
 */
export function resize(
  from: ArrayLike<number>,
  layout: Layout,
  region: Region,
  to: { [index: number]: number },
  size: { readonly height: number; readonly width: number },
): void {
  const { channels } = layout;
  const rows = places(region.top, region.height, layout.height, size.height, layout.width * channels);
  const columns = places(region.left, region.width, layout.width, size.width, channels);
  let target = 0;
  for (let y = 0; y < size.height; y++) {
    const top = rows.first[y]!;
    const bottom = rows.second[y]!;
    const down = rows.fraction[y]!;
    for (let x = 0; x < size.width; x++) {
      const left = columns.first[x]!;
      const right = columns.second[x]!;
      const across = columns.fraction[x]!;
      for (let c = 0; c < channels; c++) {
        const upper = from[top + left + c]! + across * (from[top + right + c]! - from[top + left + c]!);
        const lower = from[bottom + left + c]! + across * (from[bottom + right + c]! - from[bottom + left + c]!);
        to[target++] = upper + down * (lower - upper);
      }
    }
  }
}

/** Along one side, for each place of the result: where its two neighbours begin, and how near the second is. */
function places(start: number, extent: number, length: number, size: number, stride: number) {
  const first = new Int32Array(size);
  const second = new Int32Array(size);
  const fraction = new Float64Array(size);
  for (let i = 0; i < size; i++) {
    const at = Math.min(Math.max(start + ((i + 0.5) * extent) / size - 0.5, 0), length - 1);
    const floor = Math.floor(at);
    first[i] = stride * floor;
    second[i] = stride * Math.min(floor + 1, length - 1);
    fraction[i] = at - floor;
  }
  return { first, second, fraction };
}
