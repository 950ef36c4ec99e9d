import { COLUMNS, putSegment, ROWS, SEGMENT, sumStrip, WIDE } from './strips';

// 3x3 convolutions with stride 1, "same", and their gradients, by Winograd's F(4x4, 3x3): see cpp/winograd.h of @protomem/native.
// A tile of 6x6 pixels becomes a row in each of 36 matrices, whose products with those of the filters, or for the gradient to
// the filters with those of the result's gradient, are sums that the results are made of. So many tiles are worked on at a
// time that their matrices stay in the caches. A tile, 36 vectors of four channels, is changed by columns first, then by rows.
// Channels are a multiple of four. A change of basis reads vectors `step` bytes apart and writes them `apart` bytes apart, in
// the same place if need be.

const TILE: i32 = 4;
const SIDE: i32 = 6;
/** Bytes from one row of a tile to the next. */
const DOWN: usize = 96;
const RIGHT: usize = 16;
const POSITIONS: usize = 36;
/** Tiles whose sums are in a strip at a time: rows that far apart share few places of a cache of the first level. */
const FEW_TILES: i32 = 64;
/** Bytes of a tile. */
const TILE_BYTES: usize = 576;

function scaled(by: f32, x: v128): v128 {
  return f32x4.mul(f32x4.splat(by), x);
}

function putSums(to: usize, apart: usize, even: v128, odd: v128, evens: v128, odds: v128): void {
  v128.store(to + apart, f32x4.add(even, odd));
  v128.store(to + 2 * apart, f32x4.sub(even, odd));
  v128.store(to + 3 * apart, f32x4.add(evens, odds));
  v128.store(to + 4 * apart, f32x4.sub(evens, odds));
}

/** B', of 6 pixels. */
function changePixels(from: usize, step: usize, to: usize, apart: usize): void {
  const d0 = v128.load(from);
  const d1 = v128.load(from + step);
  const d2 = v128.load(from + 2 * step);
  const d3 = v128.load(from + 3 * step);
  const d4 = v128.load(from + 4 * step);
  const d5 = v128.load(from + 5 * step);
  v128.store(to, f32x4.add(f32x4.sub(scaled(4, d0), scaled(5, d2)), d4));
  const even = f32x4.sub(d4, scaled(4, d2));
  const odd = f32x4.sub(d3, scaled(4, d1));
  putSums(to, apart, even, odd, f32x4.sub(d4, d2), scaled(2, f32x4.sub(d3, d1)));
  v128.store(to + 5 * apart, f32x4.add(f32x4.sub(scaled(4, d1), scaled(5, d3)), d5));
}

/** A', of 6 sums of products: 4 results. */
function changeProducts(from: usize, step: usize, to: usize, apart: usize): void {
  const m1 = v128.load(from + step);
  const m2 = v128.load(from + 2 * step);
  const m3 = v128.load(from + 3 * step);
  const m4 = v128.load(from + 4 * step);
  const even = f32x4.add(m1, m2);
  const odd = f32x4.sub(m1, m2);
  const evens = f32x4.add(m3, m4);
  const odds = f32x4.sub(m3, m4);
  v128.store(to, f32x4.add(f32x4.add(v128.load(from), even), evens));
  v128.store(to + apart, f32x4.add(odd, scaled(2, odds)));
  v128.store(to + 2 * apart, f32x4.add(even, scaled(4, evens)));
  v128.store(to + 3 * apart, f32x4.add(f32x4.add(odd, scaled(8, odds)), v128.load(from + 5 * step)));
}

/** A, of 4 gradients: 6 numbers. */
function changeGradients(from: usize, step: usize, to: usize, apart: usize): void {
  const y0 = v128.load(from);
  const y1 = v128.load(from + step);
  const y2 = v128.load(from + 2 * step);
  const y3 = v128.load(from + 3 * step);
  v128.store(to, y0);
  const evens = f32x4.add(y0, scaled(4, y2));
  putSums(to, apart, f32x4.add(y0, y2), f32x4.add(y1, y3), evens, f32x4.add(scaled(2, y1), scaled(8, y3)));
  v128.store(to + 5 * apart, y3);
}

/** G, of 3 weights: 6 numbers. */
function changeFilter(from: usize, step: usize, to: usize, apart: usize): void {
  const w0 = v128.load(from);
  const w1 = v128.load(from + step);
  const w2 = v128.load(from + 2 * step);
  v128.store(to, scaled(0.25, w0));
  const even = scaled(-1.0 / 6.0, f32x4.add(w0, w2));
  const evens = f32x4.add(scaled(1.0 / 24.0, w0), scaled(1.0 / 6.0, w2));
  putSums(to, apart, even, scaled(-1.0 / 6.0, w1), evens, scaled(1.0 / 12.0, w1));
  v128.store(to + 5 * apart, w2);
}

/** G', of 6 sums of products: 3 weights. */
function changeToFilter(from: usize, step: usize, to: usize, apart: usize): void {
  const u1 = v128.load(from + step);
  const u2 = v128.load(from + 2 * step);
  const u3 = v128.load(from + 3 * step);
  const u4 = v128.load(from + 4 * step);
  const even = scaled(-1.0 / 6.0, f32x4.add(u1, u2));
  const evens = f32x4.add(u3, u4);
  v128.store(to, f32x4.add(f32x4.add(scaled(0.25, v128.load(from)), even), scaled(1.0 / 24.0, evens)));
  const odd = scaled(1.0 / 6.0, f32x4.sub(u2, u1));
  v128.store(to + apart, f32x4.add(odd, scaled(1.0 / 12.0, f32x4.sub(u3, u4))));
  v128.store(to + 2 * apart, f32x4.add(f32x4.add(even, scaled(1.0 / 6.0, evens)), v128.load(from + 5 * step)));
}

/** Reads `side` x `side` vectors of an image from row `top` and column `left` on into a tile; nought outside the image. */
function readTile(
  image: usize,
  scratch: usize,
  side: i32,
  top: i32,
  left: i32,
  high: i32,
  wide: i32,
  stride: usize,
): void {
  for (let r = 0; r < side; r++) {
    for (let c = 0; c < side; c++) {
      const there = top + r >= 0 && top + r < high && left + c >= 0 && left + c < wide;
      const to = scratch + <usize>r * DOWN + <usize>c * RIGHT;
      v128.store(to, there ? v128.load(image + <usize>((top + r) * wide + left + c) * stride) : f32x4.splat(0));
    }
  }
}

/** Where a tile's results are, of the tiles of images one after the other: its image, row and column. */
function imageOf(tile: i32, high: i32, wide: i32): i32 {
  return tile / (((high + TILE - 1) / TILE) * ((wide + TILE - 1) / TILE));
}

function topOf(tile: i32, high: i32, wide: i32): i32 {
  return ((tile / ((wide + TILE - 1) / TILE)) % ((high + TILE - 1) / TILE)) * TILE;
}

function leftOf(tile: i32, wide: i32): i32 {
  return (tile % ((wide + TILE - 1) / TILE)) * TILE;
}

/**
 * Rows 0 up to `count` of the 36 matrices, `matrix` bytes each, of the tiles from `first` on: of 6x6 pixels around them, or with
 * `gradients` of the 4x4 within; rows are `rowBytes` apart.
 */
function changeTiles(
  x: usize,
  matrices: usize,
  matrix: usize,
  rowBytes: usize,
  tile: usize,
  high: i32,
  wide: i32,
  channels: i32,
  first: i32,
  count: i32,
  gradients: bool,
): void {
  const stride = (<usize>channels) << 2;
  const margin = gradients ? 0 : 1;
  const side = gradients ? TILE : SIDE;
  const line = <usize>wide * stride;
  for (let t = 0; t < count; t++) {
    const image = x + <usize>imageOf(first + t, high, wide) * <usize>(high * wide) * stride;
    const top = topOf(first + t, high, wide) - margin;
    const left = leftOf(first + t, wide) - margin;
    const inside = top >= 0 && left >= 0 && top + side <= high && left + side <= wide;
    let to = matrices + <usize>t * rowBytes;
    for (let c: usize = 0; c < stride; c += RIGHT, to += RIGHT) {
      let at = image + <usize>(top * wide + left) * stride + c;
      let step = line;
      let beside = stride;
      if (!inside) {
        readTile(image + c, tile, side, top, left, high, wide, stride);
        at = tile;
        step = DOWN;
        beside = RIGHT;
      }
      for (let i: usize = 0; i < <usize>side; i++) {
        if (gradients) changeGradients(at + i * beside, step, tile + i * RIGHT, DOWN);
        else changePixels(at + i * beside, step, tile + i * RIGHT, DOWN);
      }
      for (let i: usize = 0; i < <usize>SIDE; i++) {
        const put = to + i * <usize>SIDE * matrix;
        if (gradients) changeGradients(tile + i * DOWN, RIGHT, put, matrix);
        else changePixels(tile + i * DOWN, RIGHT, put, matrix);
      }
    }
  }
}

/** The 4x4 results of `count` tiles from `first` on, those within the image, of their sums. */
function changeResults(
  sums: usize,
  matrix: usize,
  rowBytes: usize,
  y: usize,
  tile: usize,
  high: i32,
  wide: i32,
  channels: i32,
  first: i32,
  count: i32,
): void {
  const stride = (<usize>channels) << 2;
  for (let t = 0; t < count; t++) {
    const top = topOf(first + t, high, wide);
    const left = leftOf(first + t, wide);
    const to = y + <usize>((imageOf(first + t, high, wide) * high + top) * wide + left) * stride;
    for (let c: usize = 0; c < stride; c += RIGHT) {
      const from = sums + <usize>t * rowBytes + c;
      for (let i: usize = 0; i < <usize>SIDE; i++) {
        changeProducts(from + i * matrix, <usize>SIDE * matrix, tile + i * RIGHT, DOWN);
      }
      for (let r = 0; r < min(TILE, high - top); r++) {
        const put = to + <usize>(r * wide) * stride + c;
        const row = tile + <usize>r * DOWN;
        if (left + TILE <= wide) {
          changeProducts(row, RIGHT, put, stride);
          continue;
        }
        changeProducts(row, RIGHT, row, RIGHT);
        for (let k: usize = 0; k < <usize>(wide - left); k++) v128.store(put + k * stride, v128.load(row + k * RIGHT));
      }
    }
  }
}

/** Bytes of a row whose numbers are made a multiple of 8. */
function padded(columns: i32): usize {
  return <usize>((columns + COLUMNS - 1) / COLUMNS) * WIDE;
}

/**
 * The 36 matrices, `from` x `to`, of filters [3, 3, from, to], packed in panels of 8 columns, [36, panels, from, 8]; with `back`
 * those of the way back, `to` x `from`, of filters turned around.
 *
 * @param scratch as much as `winogradFiltersScratch` says
 */
export function winogradFilters(w: usize, packed: usize, scratch: usize, from: i32, to: i32, back: i32): void {
  const stride = (<usize>to) << 2;
  const inner = back ? to : from;
  const matrix = <usize>inner * padded(back ? from : to);
  for (let i = 0; i < from; i++) {
    for (let c = 0; c < to; c += 4) {
      for (let k = 0; k < 9; k++) {
        const at = w + <usize>((back ? 8 - k : k) * from + i) * stride + ((<usize>c) << 2);
        v128.store(scratch + <usize>(k / 3) * DOWN + <usize>(k % 3) * RIGHT, v128.load(at));
      }
      for (let k: usize = 0; k < 3; k++) changeFilter(scratch + k * RIGHT, DOWN, scratch + k * RIGHT, DOWN);
      for (let k: usize = 0; k < <usize>SIDE; k++) changeFilter(scratch + k * DOWN, RIGHT, scratch + k * DOWN, RIGHT);
      for (let p: usize = 0; p < POSITIONS; p++) {
        const value = v128.load(scratch + p * RIGHT);
        if (back) {
          const at = packed + p * matrix + <usize>((i / COLUMNS) * inner + c) * WIDE + ((<usize>(i % COLUMNS)) << 2);
          store<f32>(at, f32x4.extract_lane(value, 0));
          store<f32>(at, f32x4.extract_lane(value, 1), WIDE);
          store<f32>(at, f32x4.extract_lane(value, 2), 2 * WIDE);
          store<f32>(at, f32x4.extract_lane(value, 3), 3 * WIDE);
        } else {
          const at = packed + p * matrix + <usize>((c / COLUMNS) * inner + i) * WIDE + ((<usize>(c % COLUMNS)) << 2);
          v128.store(at, value);
        }
      }
    }
  }
}

/**
 * y = x convolved with filters of {@link winogradFilters}, for the tiles from `first` up to `last`.
 *
 * @param most tiles at a time, a multiple of four
 * @param scratch as much as `winogradConvolutionScratch` says
 */
export function winogradConvolution(
  x: usize,
  filters: usize,
  y: usize,
  scratch: usize,
  high: i32,
  wide: i32,
  from: i32,
  to: i32,
  most: i32,
  first: i32,
  last: i32,
): void {
  const segments = scratch + TILE_BYTES;
  const tiles = segments + <usize>(most / ROWS) * SEGMENT;
  const tileRow = (<usize>from) << 2;
  const matrix = <usize>most * tileRow;
  const sums = tiles + POSITIONS * matrix;
  const sumRow = padded(to);
  const sumMatrix = <usize>most * sumRow;
  let at = segments;
  for (let t = 0; t < most; t += ROWS) {
    const p = tiles + <usize>t * tileRow;
    at = putSegment(at, p, p + tileRow, p + 2 * tileRow, p + 3 * tileRow, 0, from);
  }
  for (let block = first; block < last; block += most) {
    const count = min(most, last - block);
    changeTiles(x, tiles, matrix, tileRow, scratch, high, wide, from, block, count, false);
    let filter = filters;
    for (let p: usize = 0; p < POSITIONS; p++) {
      for (let c: usize = 0; c < sumRow; c += WIDE, filter += <usize>from * WIDE) {
        let segment = segments;
        let put = sums + p * sumMatrix + c;
        for (let t = 0; t < count; t += ROWS, segment += SEGMENT) {
          sumStrip(segment, segment + SEGMENT, p * matrix, filter, 4, WIDE, put, sumRow, false);
          put += <usize>ROWS * sumRow;
        }
      }
    }
    changeResults(sums, sumMatrix, sumRow, y, scratch, high, wide, to, block, count);
  }
}

// The gradient to filters [3, 3, from, to], in three loops, for `most` tiles at a time: the matrices of the image and of the
// gradient to the result, their products, which are added up, and what the sums are as filters. Rows of the gradient's and of
// the sums are a multiple of 8 columns.

/**
 * The tiles of an image of so many channels from `block` on, of which those from `first` up to `last`, into 36 matrices of `most` tiles; with
 * `gradients` those of the gradient to the result.
 *
 * @param scratch as much as `winogradFiltersScratch` says
 */
export function winogradTiles(
  x: usize,
  matrices: usize,
  scratch: usize,
  high: i32,
  wide: i32,
  channels: i32,
  most: i32,
  gradients: i32,
  block: i32,
  first: i32,
  last: i32,
): void {
  const row = gradients ? padded(channels) : (<usize>channels) << 2;
  const at = matrices + <usize>first * row;
  changeTiles(
    x,
    at,
    <usize>most * row,
    row,
    scratch,
    high,
    wide,
    channels,
    block + first,
    last - first,
    gradients !== 0,
  );
}

/**
 * sums[p] += tiles[p]' gradients[p], of the first `count` of `most` tiles, for the positions p from `first` up to `last`.
 *
 * @param scratch as much as `winogradFiltersScratch` says
 */
export function winogradProducts(
  tiles: usize,
  gradients: usize,
  sums: usize,
  scratch: usize,
  from: i32,
  to: i32,
  most: i32,
  count: i32,
  first: i32,
  last: i32,
): void {
  const tileRow = (<usize>from) << 2;
  const row = padded(to);
  for (let p = <usize>first; p < <usize>last; p++) {
    const a = tiles + p * <usize>most * tileRow;
    const b = gradients + p * <usize>most * row;
    for (let t = 0; t < count; t += FEW_TILES) {
      const at = a + <usize>t * tileRow;
      putSegment(scratch, at, at + 4, at + 8, at + 12, <usize>t * row, min(FEW_TILES, count - t));
      for (let i: usize = 0; i < tileRow; i += RIGHT) {
        let sum = sums + p * <usize>from * row + (i >> 2) * row;
        for (let c: usize = 0; c < row; c += WIDE, sum += WIDE) {
          sumStrip(scratch, scratch + SEGMENT, i, b + c, tileRow, row, sum, row, true);
        }
      }
    }
  }
}

/**
 * The filters that sums of products are, of the channels `first` up to `last` of `from`.
 *
 * @param scratch as much as `winogradFiltersScratch` says
 */
export function winogradToFilter(
  sums: usize,
  dw: usize,
  scratch: usize,
  from: i32,
  to: i32,
  first: i32,
  last: i32,
): void {
  const row = padded(to);
  const matrix = <usize>from * row;
  const stride = (<usize>to) << 2;
  for (let i = first; i < last; i++) {
    for (let c: usize = 0; c < stride; c += RIGHT) {
      const sum = sums + <usize>i * row + c;
      for (let k: usize = 0; k < <usize>SIDE; k++) {
        changeToFilter(sum + k * matrix, <usize>SIDE * matrix, scratch + k * RIGHT, DOWN);
      }
      for (let k = 0; k < 3; k++) {
        const put = dw + <usize>(k * 3 * from + i) * stride + c;
        changeToFilter(scratch + <usize>k * DOWN, RIGHT, put, <usize>from * stride);
      }
    }
  }
}

/** A tile. */
export function winogradFiltersScratch(): usize {
  return TILE_BYTES;
}

/** A tile, segments of four tiles each, and the matrices of tiles and of their sums. */
export function winogradConvolutionScratch(from: i32, to: i32, most: i32): usize {
  const matrices = POSITIONS * <usize>most * (((<usize>from) << 2) + padded(to));
  return TILE_BYTES + <usize>(most / ROWS) * SEGMENT + matrices;
}
