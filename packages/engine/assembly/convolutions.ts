import { addRow, COLUMNS, putRow, putSegment, ROWS, SEGMENT, STRIP, sumStrip, WIDE } from './strips';

// Convolutions, NHWC, and their gradients: products of matrices whose operand is read where it lies in the image, a segment for
// each tap of the filter.

/** Pixels that go through all columns together, so that they stay in the caches. */
const BLOCK: i32 = 64;

/** The pixel that a tap meets, or -1: of the image, or with `back` of the result that the image's pixel is part of. */
export function met(at: i32, tap: i32, stride: i32, dilation: i32, before: i32, length: i32, back: i32): i32 {
  let there = at * stride + tap * dilation - before;
  if (back) {
    const reach = at + before - tap * dilation;
    if (reach < 0 || reach % stride !== 0) return -1;
    there = reach / stride;
  }
  return there >= 0 && there < length ? there : -1;
}

/** A strip, zeros, where each pixel of the result is, which pixels a filter's rows and columns meet, and the segments of four pixels each. */
export function convolveScratch(from: i32, filterHigh: i32, filterWide: i32): usize {
  const segments = <usize>(BLOCK / ROWS) * (<usize>(filterHigh * filterWide) * SEGMENT + 4);
  return STRIP + ((<usize>(from + BLOCK)) << 2) + ((<usize>(filterHigh + filterWide)) << 4) + segments;
}

/**
 * Segments for four pixels beside each other, from row h and column w on, all of whose columns of the filter meet the image: a
 * row of the filter lies in one piece. 0 where they do not.
 */
function segmentsOfRows(
  at: usize,
  x: usize,
  image: i32,
  h: i32,
  w: i32,
  high: i32,
  wide: i32,
  from: i32,
  filterHigh: i32,
  filterWide: i32,
  strideRows: i32,
  strideColumns: i32,
  dilationRows: i32,
  top: i32,
  left: i32,
): usize {
  const begin = w * strideColumns - left;
  if (begin < 0 || begin + (ROWS - 1) * strideColumns + filterWide > wide) return 0;
  const stride = (<usize>from) << 2;
  const beside = <usize>strideColumns * stride;
  for (let i = 0; i < filterHigh; i++) {
    const there = h * strideRows + i * dilationRows - top;
    if (there < 0 || there >= high) continue;
    const p = x + <usize>((image * high + there) * wide + begin) * stride;
    const columns = <usize>(i * filterWide * from) * WIDE;
    at = putSegment(at, p, p + beside, p + 2 * beside, p + 3 * beside, columns, filterWide * from);
  }
  return at;
}

/** The same for the way back, of four pixels as far from each other as the stride is. */
function segmentsBack(
  at: usize,
  x: usize,
  image: i32,
  h: i32,
  w: i32,
  high: i32,
  wide: i32,
  from: i32,
  filterHigh: i32,
  filterWide: i32,
  strideRows: i32,
  strideColumns: i32,
  dilationRows: i32,
  dilationColumns: i32,
  top: i32,
  left: i32,
): usize {
  const stride = (<usize>from) << 2;
  for (let i = 0; i < filterHigh; i++) {
    const row = met(h, i, strideRows, dilationRows, top, high, 1);
    if (row < 0) continue;
    for (let j = 0; j < filterWide; j++) {
      const reach = w + left - j * dilationColumns;
      if (reach % strideColumns !== 0) continue;
      const begin = reach / strideColumns;
      if (begin < 0 || begin + ROWS > wide) return 0;
      const p = x + <usize>((image * high + row) * wide + begin) * stride;
      const columns = <usize>((i * filterWide + j) * from) * WIDE;
      at = putSegment(at, p, p + stride, p + 2 * stride, p + 3 * stride, columns, from);
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
  high: i32,
  wide: i32,
  from: i32,
  outHigh: i32,
  outWide: i32,
  to: i32,
  filterHigh: i32,
  filterWide: i32,
  strideRows: i32,
  strideColumns: i32,
  dilationRows: i32,
  dilationColumns: i32,
  top: i32,
  left: i32,
  back: i32,
  row: i32,
  column: i32,
  rowStep: i32,
  columnStep: i32,
  first: i32,
  last: i32,
): void {
  const stride = (<usize>from) << 2;
  const outStride = (<usize>to) << 2;
  const zeros = scratch + STRIP;
  const pixels = zeros + stride;
  const metRows = pixels + <usize>(BLOCK << 2);
  const metColumns = metRows + <usize>(filterHigh << 4);
  const strips = metColumns + <usize>(filterWide << 4);
  const taps = <usize>(filterHigh * filterWide);
  const stripBytes = taps * SEGMENT + 4;
  const down = (outHigh - row + rowStep - 1) / rowStep;
  const across = (outWide - column + columnStep - 1) / columnStep;
  memory.fill(zeros, 0, stride);
  for (let block = first; block < last; block += BLOCK) {
    const end = min(last, block + BLOCK);
    // Of each four pixels where their segments end, and the segments.
    for (let q = block; q < end; q += ROWS) {
      const strip = strips + <usize>((q - block) / ROWS) * stripBytes;
      let at = strip + 4;
      const line = q / across;
      const image = line / down;
      const h = row + (line % down) * rowStep;
      const w = column + (q % across) * columnStep;
      const oneLine = (q % across) + ROWS <= across && q + ROWS <= end;
      if (oneLine) {
        const first = at;
        if (back)
          at = segmentsBack(
            at,
            x,
            image,
            h,
            w,
            high,
            wide,
            from,
            filterHigh,
            filterWide,
            strideRows,
            strideColumns,
            dilationRows,
            dilationColumns,
            top,
            left,
          );
        else if (dilationColumns === 1)
          at = segmentsOfRows(
            at,
            x,
            image,
            h,
            w,
            high,
            wide,
            from,
            filterHigh,
            filterWide,
            strideRows,
            strideColumns,
            dilationRows,
            top,
            left,
          );
        else at = 0;
        if (at !== 0) {
          const put = y + <usize>((image * outHigh + h) * outWide + w) * outStride;
          for (let r = 0; r < ROWS; r++) {
            store<u32>(pixels + ((<usize>(q + r - block)) << 2), <u32>(put + <usize>(r * columnStep) * outStride));
          }
          store<u32>(strip, <u32>at);
          continue;
        }
        at = first;
      }
      for (let r = 0; r < ROWS; r++) {
        const pixel = min(q + r, end - 1);
        const image = pixel / (down * across);
        const h = row + ((pixel / across) % down) * rowStep;
        const w = column + (pixel % across) * columnStep;
        store<u32>(
          pixels + ((<usize>(pixel - block)) << 2),
          <u32>(y + <usize>((image * outHigh + h) * outWide + w) * outStride),
        );
        for (let i = 0; i < filterHigh; i++) {
          const there = met(h, i, strideRows, dilationRows, top, high, back);
          store<i32>(metRows + <usize>(i * 4 + r) * 4, there < 0 ? -1 : (image * high + there) * wide);
        }
        for (let j = 0; j < filterWide; j++) {
          store<i32>(metColumns + <usize>(j * 4 + r) * 4, met(w, j, strideColumns, dilationColumns, left, wide, back));
        }
      }
      for (let i = 0; i < filterHigh; i++) {
        for (let j = 0; j < filterWide; j++) {
          let some = false;
          for (let r: usize = 0; r < 16; r += 4) {
            const line = load<i32>(metRows + ((<usize>i) << 4) + r);
            const place = load<i32>(metColumns + ((<usize>j) << 4) + r);
            const there = line >= 0 && place >= 0;
            store<u32>(at + r, <u32>(there ? x + <usize>(line + place) * stride : zeros));
            some = some || there;
          }
          if (!some) continue;
          store<u32>(at, <u32>(<usize>((i * filterWide + j) * from) * WIDE), 16);
          store<i32>(at, from, 20);
          at += SEGMENT;
        }
      }
      store<u32>(strip, <u32>at);
    }
    for (let c = 0; c < to; c += COLUMNS) {
      const columns = min(COLUMNS, to - c);
      const panel = packed + <usize>(c / COLUMNS) * taps * <usize>from * WIDE;
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
  images: i32,
  high: i32,
  wide: i32,
  from: i32,
  outHigh: i32,
  outWide: i32,
  to: i32,
  filterWide: i32,
  strideRows: i32,
  strideColumns: i32,
  dilationRows: i32,
  dilationColumns: i32,
  top: i32,
  left: i32,
  rows: i32,
  first: i32,
  last: i32,
): void {
  const stride = (<usize>from) << 2;
  const outStride = (<usize>to) << 2;
  const strips = (from + ROWS - 1) / ROWS;
  const segments = scratch + STRIP;
  const all = images * outHigh;
  for (let block = 0; block < all; block += rows) {
    let tap = -1;
    let end = segments;
    for (let work = first; work < last; work++) {
      if (work / strips !== tap) {
        tap = work / strips;
        end = segments;
        const shiftDown = (tap / filterWide) * dilationRows - top;
        const shiftRight = (tap % filterWide) * dilationColumns - left;
        let begin = 0;
        while (begin < outWide && begin * strideColumns + shiftRight < 0) begin++;
        let stop = outWide;
        while (stop > begin && (stop - 1) * strideColumns + shiftRight >= wide) stop--;
        if (begin < stop) {
          for (let row = block; row < min(all, block + rows); row++) {
            const h = (row % outHigh) * strideRows + shiftDown;
            if (h < 0 || h >= high) continue;
            const pixel = ((row / outHigh) * high + h) * wide + begin * strideColumns + shiftRight;
            const p = x + <usize>pixel * stride;
            const d = dy + <usize>(row * outWide + begin) * outStride;
            const most = from - 1;
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
      const channel = max(0, min(wanted, from - ROWS));
      for (let c = 0; c < to; c += COLUMNS) {
        const shift = (<usize>channel) << 2;
        const columns = (<usize>c) << 2;
        const step = <usize>strideColumns * stride;
        const skipped = wanted - channel;
        const put = dw + <usize>(tap * from + channel) * outStride + columns;
        if (skipped === 0 && channel + ROWS <= from) {
          sumStrip(segments, end, shift, columns, step, outStride, put, outStride, true);
          continue;
        }
        sumStrip(segments, end, shift, columns, step, outStride, scratch, WIDE, false);
        for (let r = skipped; r < min(ROWS, from - channel); r++) {
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
