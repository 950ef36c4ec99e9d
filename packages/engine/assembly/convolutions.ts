import { columnMet, Geometry, rowMet } from './geometry';
import { addRow, COLUMNS, putRow, putSegment, ROWS, SEGMENT, STRIP, sumStrip, WIDE } from './strips';

// Convolutions, NHWC, and their gradients: products of matrices whose operand is read where it lies in the image, a segment for
// each tap of the filter.

/** Pixels that go through all columns together, so that they stay in the caches. */
const BLOCK: i32 = 64;

/** A strip, zeros, where each pixel of the result is, which pixels a filter's rows and columns meet, and the segments of four pixels each. */
export function convolveScratch(from: i32, filterHigh: i32, filterWide: i32): usize {
  const segments = <usize>(BLOCK / ROWS) * (<usize>(filterHigh * filterWide) * SEGMENT + 4);
  return STRIP + ((<usize>(from + BLOCK)) << 2) + ((<usize>(filterHigh + filterWide)) << 4) + segments;
}

/** Where in what is read a pixel is. */
function pixelAt(x: usize, g: Geometry, image: i32, row: i32, column: i32): usize {
  return x + <usize>((image * g.high + row) * g.wide + column) * ((<usize>g.from) << 2);
}

/**
 * Segments for four pixels beside each other, from row h and column w on, all of whose columns of the filter meet the image: a
 * row of the filter lies in one piece. 0 where they do not.
 */
function segmentsOfRows(at: usize, x: usize, g: Geometry, image: i32, h: i32, w: i32): usize {
  const begin = w * g.strideColumns - g.left;
  const inside = begin >= 0 && begin + (ROWS - 1) * g.strideColumns + g.filterWide <= g.wide;
  if (g.dilationColumns !== 1 || !inside) return 0;
  const beside = (<usize>(g.strideColumns * g.from)) << 2;
  for (let i = 0; i < g.filterHigh; i++) {
    const row = rowMet(g, h, i, 0);
    if (row < 0) continue;
    const p = pixelAt(x, g, image, row, begin);
    const columns = <usize>(i * g.filterWide * g.from) * WIDE;
    at = putSegment(at, p, p + beside, p + 2 * beside, p + 3 * beside, columns, g.filterWide * g.from);
  }
  return at;
}

/** The same for the way back, of four pixels as far from each other as the stride is. */
function segmentsBack(at: usize, x: usize, g: Geometry, image: i32, h: i32, w: i32): usize {
  const beside = (<usize>g.from) << 2;
  for (let i = 0; i < g.filterHigh; i++) {
    const row = rowMet(g, h, i, 1);
    if (row < 0) continue;
    for (let j = 0; j < g.filterWide; j++) {
      const reach = w + g.left - j * g.dilationColumns;
      if (reach % g.strideColumns !== 0) continue;
      const begin = reach / g.strideColumns;
      if (begin < 0 || begin + ROWS > g.wide) return 0;
      const p = pixelAt(x, g, image, row, begin);
      const columns = <usize>((i * g.filterWide + j) * g.from) * WIDE;
      at = putSegment(at, p, p + beside, p + 2 * beside, p + 3 * beside, columns, g.from);
    }
  }
  return at;
}

/**
 * y = x convolved with filters packed as [panels, taps, from, 8]; with `back` the gradient to the image y of the gradient x to the
 * result. Of y the pixels whose row is `row` plus a multiple of `rowStep`, and the same of columns, counted in their order from
 * `first` up to `last`.
 *
 * @param scratch as much as `convolveScratch` says
 */
export function convolve(
  x: usize,
  packed: usize,
  y: usize,
  scratch: usize,
  g: Geometry,
  back: i32,
  row: i32,
  column: i32,
  rowStep: i32,
  columnStep: i32,
  first: i32,
  last: i32,
): void {
  const stride = (<usize>g.from) << 2;
  const outStride = (<usize>g.to) << 2;
  const zeros = scratch + STRIP;
  const pixels = zeros + stride;
  const metRows = pixels + <usize>(BLOCK << 2);
  const metColumns = metRows + ((<usize>g.filterHigh) << 4);
  const strips = metColumns + ((<usize>g.filterWide) << 4);
  const taps = <usize>(g.filterHigh * g.filterWide);
  const stripBytes = taps * SEGMENT + 4;
  const down = (g.outHigh - row + rowStep - 1) / rowStep;
  const across = (g.outWide - column + columnStep - 1) / columnStep;
  memory.fill(zeros, 0, stride);
  for (let block = first; block < last; block += BLOCK) {
    const end = min(last, block + BLOCK);
    // Of each four pixels where their segments end, and the segments.
    for (let q = block; q < end; q += ROWS) {
      const strip = strips + <usize>((q - block) / ROWS) * stripBytes;
      const line = q / across;
      const place = q - line * across;
      if (place + ROWS <= across && q + ROWS <= end) {
        const image = line / down;
        const h = row + (line - image * down) * rowStep;
        const w = column + place * columnStep;
        const segments = back
          ? segmentsBack(strip + 4, x, g, image, h, w)
          : segmentsOfRows(strip + 4, x, g, image, h, w);
        if (segments !== 0) {
          store<u32>(strip, <u32>segments);
          const put = y + <usize>((image * g.outHigh + h) * g.outWide + w) * outStride;
          for (let r = 0; r < ROWS; r++) {
            store<u32>(pixels + ((<usize>(q + r - block)) << 2), <u32>(put + <usize>(r * columnStep) * outStride));
          }
          continue;
        }
      }
      for (let r = 0; r < ROWS; r++) {
        const pixel = min(q + r, end - 1);
        const line = pixel / across;
        const image = line / down;
        const h = row + (line - image * down) * rowStep;
        const w = column + (pixel - line * across) * columnStep;
        const put = y + <usize>((image * g.outHigh + h) * g.outWide + w) * outStride;
        store<u32>(pixels + ((<usize>(pixel - block)) << 2), <u32>put);
        for (let i = 0; i < g.filterHigh; i++) {
          const there = rowMet(g, h, i, back);
          store<i32>(metRows + ((<usize>(i * 4 + r)) << 2), there < 0 ? -1 : (image * g.high + there) * g.wide);
        }
        for (let j = 0; j < g.filterWide; j++) {
          store<i32>(metColumns + ((<usize>(j * 4 + r)) << 2), columnMet(g, w, j, back));
        }
      }
      let at = strip + 4;
      for (let i = 0; i < g.filterHigh; i++) {
        for (let j = 0; j < g.filterWide; j++) {
          let some = false;
          for (let r: usize = 0; r < 16; r += 4) {
            const line = load<i32>(metRows + ((<usize>i) << 4) + r);
            const place = load<i32>(metColumns + ((<usize>j) << 4) + r);
            const there = line >= 0 && place >= 0;
            store<u32>(at + r, <u32>(there ? x + <usize>(line + place) * stride : zeros));
            some = some || there;
          }
          if (!some) continue;
          store<u32>(at, <u32>(<usize>((i * g.filterWide + j) * g.from) * WIDE), 16);
          store<i32>(at, g.from, 20);
          at += SEGMENT;
        }
      }
      store<u32>(strip, <u32>at);
    }
    for (let c = 0; c < g.to; c += COLUMNS) {
      const columns = min(COLUMNS, g.to - c);
      const panel = packed + <usize>(c / COLUMNS) * taps * <usize>g.from * WIDE;
      for (let q = block; q < end; q += ROWS) {
        const strip = strips + <usize>((q - block) / ROWS) * stripBytes;
        const segments = strip + 4;
        const last = <usize>load<u32>(strip);
        const rows = min(ROWS, end - q);
        const at = pixels + ((<usize>(q - block)) << 2);
        if (rows === ROWS && columns === COLUMNS) {
          const apart = load<u32>(at, 4) - load<u32>(at);
          if (load<u32>(at, 8) - load<u32>(at, 4) === apart && load<u32>(at, 12) - load<u32>(at, 8) === apart) {
            const put = <usize>load<u32>(at) + ((<usize>c) << 2);
            sumStrip(segments, last, 0, panel, 4, WIDE, put, <usize>apart, false);
            continue;
          }
        }
        sumStrip(segments, last, 0, panel, 4, WIDE, scratch, WIDE, false);
        for (let r = 0; r < rows; r++) {
          const put = <usize>load<u32>(at + ((<usize>r) << 2)) + ((<usize>c) << 2);
          putRow(scratch + <usize>r * WIDE, put, columns);
        }
      }
    }
  }
}

/**
 * dw[i, j, c, d] += x[n, oh * stride + i * dilation - top, ow * stride + j * dilation - left, c] * dy[n, oh, ow, d] over n, oh, ow. Work is
 * counted in taps times strips of four channels c. `to` is a multiple of 8.
 *
 * @param rows of the result that are gone through at a time, so that they stay in the caches
 * @param scratch as much as `convolutionFilterGradientScratch` says
 */
export function convolutionFilterGradient(
  x: usize,
  dy: usize,
  dw: usize,
  scratch: usize,
  g: Geometry,
  rows: i32,
  first: i32,
  last: i32,
): void {
  const stride = (<usize>g.from) << 2;
  const outStride = (<usize>g.to) << 2;
  const strips = (g.from + ROWS - 1) / ROWS;
  const segments = scratch + STRIP;
  const all = g.images * g.outHigh;
  for (let block = 0; block < all; block += rows) {
    let tap = -1;
    let end = segments;
    for (let work = first; work < last; work++) {
      if (work / strips !== tap) {
        tap = work / strips;
        end = segments;
        const shiftDown = (tap / g.filterWide) * g.dilationRows - g.top;
        const shiftRight = (tap % g.filterWide) * g.dilationColumns - g.left;
        let begin = 0;
        while (begin < g.outWide && begin * g.strideColumns + shiftRight < 0) begin++;
        let stop = g.outWide;
        while (stop > begin && (stop - 1) * g.strideColumns + shiftRight >= g.wide) stop--;
        if (begin < stop) {
          for (let row = block; row < min(all, block + rows); row++) {
            const h = (row % g.outHigh) * g.strideRows + shiftDown;
            if (h < 0 || h >= g.high) continue;
            const pixel = ((row / g.outHigh) * g.high + h) * g.wide + begin * g.strideColumns + shiftRight;
            const p = x + <usize>pixel * stride;
            const d = dy + <usize>(row * g.outWide + begin) * outStride;
            const most = g.from - 1;
            end = putSegment(
              end,
              p,
              p + ((<usize>min(1, most)) << 2),
              p + ((<usize>min(2, most)) << 2),
              p + ((<usize>min(3, most)) << 2),
              d,
              stop - begin,
            );
          }
        }
      }
      // The last strip begins where it has four channels, of which those that are not done yet count.
      const wanted = (work % strips) * ROWS;
      const channel = max(0, min(wanted, g.from - ROWS));
      for (let c = 0; c < g.to; c += COLUMNS) {
        const shift = (<usize>channel) << 2;
        const columns = (<usize>c) << 2;
        const step = <usize>g.strideColumns * stride;
        const skipped = wanted - channel;
        const put = dw + <usize>(tap * g.from + channel) * outStride + columns;
        if (skipped === 0 && channel + ROWS <= g.from) {
          sumStrip(segments, end, shift, columns, step, outStride, put, outStride, true);
          continue;
        }
        sumStrip(segments, end, shift, columns, step, outStride, scratch, WIDE, false);
        for (let r = skipped; r < min(ROWS, g.from - channel); r++) {
          const from = scratch + <usize>r * WIDE;
          addRow(put + <usize>r * outStride, v128.load(from), v128.load(from, 16));
        }
      }
    }
  }
}

/** A strip, and a segment of each row. */
export function convolutionFilterGradientScratch(rows: i32): usize {
  return STRIP + <usize>rows * SEGMENT;
}
