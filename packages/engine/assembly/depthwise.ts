// Depthwise convolutions, NHWC, one result for each channel: four channels at a time and those that remain one by one.

import { columnMet, Geometry, rowMet } from './geometry';

/**
 * y[n, h, w, c] = sum over i, j of x[n, h * stride + i * dilation - top, w * stride + j * dilation - left, c] * filter[i, j, c]; with `back` the
 * gradient to the image y of the gradient x to the result. Rows of all images of y are counted from `first` up to `last`.
 */
export function depthwise(x: usize, filter: usize, y: usize, g: Geometry, back: i32, first: i32, last: i32): void {
  const stride = (<usize>g.to) << 2;
  for (let row = first; row < last; row++) {
    const image = row / g.outHigh;
    for (let column = 0; column < g.outWide; column++) {
      const to = y + <usize>(row * g.outWide + column) * stride;
      let begun = false;
      for (let i = 0; i < g.filterHigh; i++) {
        const h = rowMet(g, row % g.outHigh, i, back);
        if (h < 0) continue;
        for (let j = 0; j < g.filterWide; j++) {
          const w = columnMet(g, column, j, back);
          if (w < 0) continue;
          const from = x + <usize>((image * g.high + h) * g.wide + w) * stride;
          const tap = filter + <usize>(i * g.filterWide + j) * stride;
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
export function depthwiseFilterGradient(x: usize, dy: usize, out: usize, g: Geometry, first: i32, last: i32): void {
  const stride = (<usize>g.to) << 2;
  const end = (<usize>last) << 2;
  const step = stride * <usize>g.strideColumns;
  for (let image = 0; image < g.images; image++) {
    for (let outRow = 0; outRow < g.outHigh; outRow++) {
      const dyRow = dy + <usize>(image * g.outHigh + outRow) * <usize>g.outWide * stride;
      for (let i = 0; i < g.filterHigh; i++) {
        const row = outRow * g.strideRows + i * g.dilationRows - g.top;
        if (row < 0 || row >= g.high) continue;
        const xRow = x + <usize>(image * g.high + row) * <usize>g.wide * stride;
        for (let j = 0; j < g.filterWide; j++) {
          const shift = j * g.dilationColumns - g.left;
          let from = 0;
          while (from < g.outWide && from * g.strideColumns + shift < 0) from++;
          let to = g.outWide;
          while (to > from && (to - 1) * g.strideColumns + shift >= g.wide) to--;
          if (from >= to) continue;
          const tap = out + <usize>(i * g.filterWide + j) * stride;
          const dyFirst = dyRow + <usize>from * stride;
          const xFirst = xRow + <usize>(from * g.strideColumns + shift) * stride;
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
