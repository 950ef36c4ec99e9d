// Depthwise convolutions, NHWC, one result for each channel: four channels at a time and those that remain one by one.

import { met } from './convolutions';

/**
 * y[n, h, w, c] = sum over i, j of x[n, h * stride + i * dilation - top, w * stride + j * dilation - left, c] * filter[i, j, c]; with `back` the
 * gradient to the image y of the gradient x to the result. Rows of all images of y are counted from `first` up to `last`.
 */
export function depthwise(
  x: usize,
  filter: usize,
  y: usize,
  high: i32,
  wide: i32,
  channels: i32,
  outHigh: i32,
  outWide: i32,
  filterHigh: i32,
  filterWide: i32,
  strideRows: i32,
  strideColumns: i32,
  dilationRows: i32,
  dilationColumns: i32,
  top: i32,
  left: i32,
  back: i32,
  first: i32,
  last: i32,
): void {
  const stride = (<usize>channels) << 2;
  for (let row = first; row < last; row++) {
    const image = row / outHigh;
    for (let column = 0; column < outWide; column++) {
      const to = y + <usize>(row * outWide + column) * stride;
      let begun = false;
      for (let i = 0; i < filterHigh; i++) {
        const h = met(row % outHigh, i, strideRows, dilationRows, top, high, back);
        if (h < 0) continue;
        for (let j = 0; j < filterWide; j++) {
          const w = met(column, j, strideColumns, dilationColumns, left, wide, back);
          if (w < 0) continue;
          const from = x + <usize>((image * high + h) * wide + w) * stride;
          const tap = filter + <usize>(i * filterWide + j) * stride;
          let c: usize = 0;
          for (; c + 16 <= stride; c += 16) {
            const product = f32x4.mul(v128.load(from + c), v128.load(tap + c));
            v128.store(to + c, begun ? f32x4.add(v128.load(to + c), product) : product);
          }
          for (; c < stride; c += 4) {
            const product = load<f32>(from + c) * load<f32>(tap + c);
            store<f32>(to + c, begun ? load<f32>(to + c) + product : product);
          }
          begun = true;
        }
      }
      if (!begun) memory.fill(to, 0, stride);
    }
  }
}

/**
 * out[i, j, c] += x[n, oh * stride + i * dilation - top, ow * stride + j * dilation - left, c] * dy[n, oh, ow, c] over n, oh, ow, for
 * the channels from `first` up to `last`.
 */
export function depthwiseFilterGradient(
  x: usize,
  dy: usize,
  out: usize,
  images: i32,
  height: i32,
  width: i32,
  channels: i32,
  outHeight: i32,
  outWidth: i32,
  filterHeight: i32,
  filterWidth: i32,
  strideRows: i32,
  strideColumns: i32,
  dilationRows: i32,
  dilationColumns: i32,
  top: i32,
  left: i32,
  first: i32,
  last: i32,
): void {
  const stride = (<usize>channels) << 2;
  const end = (<usize>last) << 2;
  const step = stride * <usize>strideColumns;
  for (let image = 0; image < images; image++) {
    for (let outRow = 0; outRow < outHeight; outRow++) {
      const dyRow = dy + <usize>(image * outHeight + outRow) * <usize>outWidth * stride;
      for (let i = 0; i < filterHeight; i++) {
        const row = outRow * strideRows + i * dilationRows - top;
        if (row < 0 || row >= height) continue;
        const xRow = x + <usize>(image * height + row) * <usize>width * stride;
        for (let j = 0; j < filterWidth; j++) {
          const shift = j * dilationColumns - left;
          let from = 0;
          while (from < outWidth && from * strideColumns + shift < 0) from++;
          let to = outWidth;
          while (to > from && (to - 1) * strideColumns + shift >= width) to--;
          if (from >= to) continue;
          const tap = out + <usize>(i * filterWidth + j) * stride;
          const dyFirst = dyRow + <usize>from * stride;
          const xFirst = xRow + <usize>(from * strideColumns + shift) * stride;
          let c = (<usize>first) << 2;
          for (; c + 16 <= end; c += 16) {
            let p = dyFirst + c;
            let q = xFirst + c;
            let s = f32x4.splat(0);
            for (let column = from; column < to; column++) {
              s = f32x4.add(s, f32x4.mul(v128.load(p), v128.load(q)));
              p += stride;
              q += step;
            }
            v128.store(tap + c, f32x4.add(v128.load(tap + c), s));
          }
          for (; c < end; c += 4) {
            let p = dyFirst + c;
            let q = xFirst + c;
            let s: f32 = 0;
            for (let column = from; column < to; column++) {
              s += load<f32>(p) * load<f32>(q);
              p += stride;
              q += step;
            }
            store<f32>(tap + c, load<f32>(tap + c) + s);
          }
        }
      }
    }
  }
}
