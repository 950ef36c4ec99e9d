// Loops that train on the wasm backend's heap, in AssemblyScript. `npx tsx scripts/build-wasm-kernels.ts` compiles them.
// Tensors are [rows, channels] of float32, NHWC flattened; pointers are byte offsets. Four channels go through a vector at
// a time, those that remain one by one. Sums are taken over blocks of rows first, so that float32 keeps its digits, and
// are added to what the caller put into the result.

const BLOCK: i32 = 64;

/** sum += x - x[0] and squares += (x - x[0])^2 over rows. The first row as origin keeps a mean far from 0 harmless. */
export function moments(x: usize, sum: usize, squares: usize, rows: i32, channels: i32): void {
  const stride = (<usize>channels) << 2;
  const zero = f32x4.splat(0);
  for (let first = 0; first < rows; first += BLOCK) {
    const last = min(first + BLOCK, rows);
    let c: usize = 0;
    for (; c + 16 <= stride; c += 16) {
      const origin = v128.load(x + c);
      let s = zero;
      let q = zero;
      let p = x + <usize>first * stride + c;
      for (let row = first; row < last; row++) {
        const u = f32x4.sub(v128.load(p), origin);
        s = f32x4.add(s, u);
        q = f32x4.add(q, f32x4.mul(u, u));
        p += stride;
      }
      v128.store(sum + c, f32x4.add(v128.load(sum + c), s));
      v128.store(squares + c, f32x4.add(v128.load(squares + c), q));
    }
    for (; c < stride; c += 4) {
      const origin = load<f32>(x + c);
      let s: f32 = 0;
      let q: f32 = 0;
      let p = x + <usize>first * stride + c;
      for (let row = first; row < last; row++) {
        const u = load<f32>(p) - origin;
        s += u;
        q += u * u;
        p += stride;
      }
      store<f32>(sum + c, load<f32>(sum + c) + s);
      store<f32>(squares + c, load<f32>(squares + c) + q);
    }
  }
}

/** sum += dy and product += dy * (x - mean) over rows. */
export function gradientSums(
  x: usize,
  dy: usize,
  mean: usize,
  sum: usize,
  product: usize,
  rows: i32,
  channels: i32,
): void {
  const stride = (<usize>channels) << 2;
  const zero = f32x4.splat(0);
  for (let first = 0; first < rows; first += BLOCK) {
    const last = min(first + BLOCK, rows);
    const start = <usize>first * stride;
    let c: usize = 0;
    for (; c + 16 <= stride; c += 16) {
      const m = v128.load(mean + c);
      let s = zero;
      let q = zero;
      let i = start + c;
      for (let row = first; row < last; row++) {
        const d = v128.load(dy + i);
        s = f32x4.add(s, d);
        q = f32x4.add(q, f32x4.mul(d, f32x4.sub(v128.load(x + i), m)));
        i += stride;
      }
      v128.store(sum + c, f32x4.add(v128.load(sum + c), s));
      v128.store(product + c, f32x4.add(v128.load(product + c), q));
    }
    for (; c < stride; c += 4) {
      const m = load<f32>(mean + c);
      let s: f32 = 0;
      let q: f32 = 0;
      let i = start + c;
      for (let row = first; row < last; row++) {
        const d = load<f32>(dy + i);
        s += d;
        q += d * (load<f32>(x + i) - m);
        i += stride;
      }
      store<f32>(sum + c, load<f32>(sum + c) + s);
      store<f32>(product + c, load<f32>(product + c) + q);
    }
  }
}

/** out = (x - mean) * a + b, with a, b and mean per channel. */
export function normalize(x: usize, mean: usize, a: usize, b: usize, out: usize, rows: i32, channels: i32): void {
  const stride = (<usize>channels) << 2;
  let i: usize = 0;
  for (let row = 0; row < rows; row++) {
    let c: usize = 0;
    for (; c + 16 <= stride; c += 16) {
      const centred = f32x4.sub(v128.load(x + i + c), v128.load(mean + c));
      v128.store(out + i + c, f32x4.add(f32x4.mul(centred, v128.load(a + c)), v128.load(b + c)));
    }
    for (; c < stride; c += 4) {
      store<f32>(out + i + c, (load<f32>(x + i + c) - load<f32>(mean + c)) * load<f32>(a + c) + load<f32>(b + c));
    }
    i += stride;
  }
}

/** out = dy * a + (x - mean) * b + d, with a, b, d and mean per channel. */
export function combine(
  x: usize,
  dy: usize,
  mean: usize,
  a: usize,
  b: usize,
  d: usize,
  out: usize,
  rows: i32,
  channels: i32,
): void {
  const stride = (<usize>channels) << 2;
  let i: usize = 0;
  for (let row = 0; row < rows; row++) {
    let c: usize = 0;
    for (; c + 16 <= stride; c += 16) {
      const centred = f32x4.sub(v128.load(x + i + c), v128.load(mean + c));
      const along = f32x4.add(f32x4.mul(centred, v128.load(b + c)), v128.load(d + c));
      v128.store(out + i + c, f32x4.add(f32x4.mul(v128.load(dy + i + c), v128.load(a + c)), along));
    }
    for (; c < stride; c += 4) {
      const centred = load<f32>(x + i + c) - load<f32>(mean + c);
      const along = centred * load<f32>(b + c) + load<f32>(d + c);
      store<f32>(out + i + c, load<f32>(dy + i + c) * load<f32>(a + c) + along);
    }
    i += stride;
  }
}

/** dx = dy where x > 0, else alpha * dy; dAlpha += dy * x where x <= 0, over rows. */
export function preluGradient(
  x: usize,
  dy: usize,
  alpha: usize,
  dx: usize,
  dAlpha: usize,
  rows: i32,
  channels: i32,
): void {
  const stride = (<usize>channels) << 2;
  const zero = f32x4.splat(0);
  for (let first = 0; first < rows; first += BLOCK) {
    const last = min(first + BLOCK, rows);
    const start = <usize>first * stride;
    let c: usize = 0;
    for (; c + 16 <= stride; c += 16) {
      const a = v128.load(alpha + c);
      let s = zero;
      let i = start + c;
      for (let row = first; row < last; row++) {
        const d = v128.load(dy + i);
        const v = v128.load(x + i);
        const positive = f32x4.gt(v, zero);
        v128.store(dx + i, v128.bitselect(d, f32x4.mul(d, a), positive));
        s = f32x4.add(s, v128.andnot(f32x4.mul(d, v), positive));
        i += stride;
      }
      v128.store(dAlpha + c, f32x4.add(v128.load(dAlpha + c), s));
    }
    for (; c < stride; c += 4) {
      const a = load<f32>(alpha + c);
      let s: f32 = 0;
      let i = start + c;
      for (let row = first; row < last; row++) {
        const d = load<f32>(dy + i);
        const v = load<f32>(x + i);
        if (v > 0) {
          store<f32>(dx + i, d);
        } else {
          store<f32>(dx + i, d * a);
          s += d * v;
        }
        i += stride;
      }
      store<f32>(dAlpha + c, load<f32>(dAlpha + c) + s);
    }
  }
}

/** out[i, j, c] += x[n, oh * strideRows + i - top, ow * strideColumns + j - left, c] * dy[n, oh, ow, c] over n, oh, ow. */
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
  top: i32,
  left: i32,
): void {
  const stride = (<usize>channels) << 2;
  const step = stride * <usize>strideColumns;
  for (let image = 0; image < images; image++) {
    for (let outRow = 0; outRow < outHeight; outRow++) {
      const dyRow = dy + <usize>(image * outHeight + outRow) * <usize>outWidth * stride;
      for (let i = 0; i < filterHeight; i++) {
        const row = outRow * strideRows + i - top;
        if (row < 0 || row >= height) continue;
        const xRow = x + <usize>(image * height + row) * <usize>width * stride;
        for (let j = 0; j < filterWidth; j++) {
          let from = 0;
          while (from < outWidth && from * strideColumns + j < left) from++;
          let to = outWidth;
          while (to > from && (to - 1) * strideColumns + j - left >= width) to--;
          if (from >= to) continue;
          const tap = out + <usize>(i * filterWidth + j) * stride;
          const dyFirst = dyRow + <usize>from * stride;
          const xFirst = xRow + <usize>(from * strideColumns + j - left) * stride;
          let c: usize = 0;
          for (; c + 16 <= stride; c += 16) {
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
          for (; c < stride; c += 4) {
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

// 3x3 convolutions with stride 1, "same", by Winograd's F(4x4, 3x3): see cpp/winograd.h of @protomem/native, of which these
// are the changes of basis. The products in between are tfjs's. A `table` holds the pointers of 36 matrices, one for each
// position of a tile of 6x6; `scratch` is room for one tile, 36 vectors of four channels, which is changed in place: by
// columns first, then by rows. Channels are a multiple of four.

const TILE: i32 = 4;
const SIDE: i32 = 6;
/** Bytes from one row of a tile to the next. */
const DOWN: usize = 96;
const RIGHT: usize = 16;

function scaled(by: f32, x: v128): v128 {
  return f32x4.mul(f32x4.splat(by), x);
}

function putSums(at: usize, step: usize, even: v128, odd: v128, evens: v128, odds: v128): void {
  v128.store(at + step, f32x4.add(even, odd));
  v128.store(at + 2 * step, f32x4.sub(even, odd));
  v128.store(at + 3 * step, f32x4.add(evens, odds));
  v128.store(at + 4 * step, f32x4.sub(evens, odds));
}

/** B', of 6 pixels. */
function changePixels(at: usize, step: usize): void {
  const d0 = v128.load(at);
  const d1 = v128.load(at + step);
  const d2 = v128.load(at + 2 * step);
  const d3 = v128.load(at + 3 * step);
  const d4 = v128.load(at + 4 * step);
  const d5 = v128.load(at + 5 * step);
  v128.store(at, f32x4.add(f32x4.sub(scaled(4, d0), scaled(5, d2)), d4));
  const even = f32x4.sub(d4, scaled(4, d2));
  const odd = f32x4.sub(d3, scaled(4, d1));
  putSums(at, step, even, odd, f32x4.sub(d4, d2), scaled(2, f32x4.sub(d3, d1)));
  v128.store(at + 5 * step, f32x4.add(f32x4.sub(scaled(4, d1), scaled(5, d3)), d5));
}

/** A', of 6 sums of products: 4 results. */
function changeProducts(at: usize, step: usize): void {
  const m1 = v128.load(at + step);
  const m2 = v128.load(at + 2 * step);
  const m3 = v128.load(at + 3 * step);
  const m4 = v128.load(at + 4 * step);
  const even = f32x4.add(m1, m2);
  const odd = f32x4.sub(m1, m2);
  const evens = f32x4.add(m3, m4);
  const odds = f32x4.sub(m3, m4);
  v128.store(at, f32x4.add(f32x4.add(v128.load(at), even), evens));
  v128.store(at + step, f32x4.add(odd, scaled(2, odds)));
  v128.store(at + 2 * step, f32x4.add(even, scaled(4, evens)));
  v128.store(at + 3 * step, f32x4.add(f32x4.add(odd, scaled(8, odds)), v128.load(at + 5 * step)));
}

/** A, of 4 gradients: 6 numbers. */
function changeGradients(at: usize, step: usize): void {
  const y0 = v128.load(at);
  const y1 = v128.load(at + step);
  const y2 = v128.load(at + 2 * step);
  const y3 = v128.load(at + 3 * step);
  const evens = f32x4.add(y0, scaled(4, y2));
  putSums(at, step, f32x4.add(y0, y2), f32x4.add(y1, y3), evens, f32x4.add(scaled(2, y1), scaled(8, y3)));
  v128.store(at + 5 * step, y3);
}

/** G, of 3 weights: 6 numbers. */
function changeFilter(at: usize, step: usize): void {
  const w0 = v128.load(at);
  const w1 = v128.load(at + step);
  const w2 = v128.load(at + 2 * step);
  v128.store(at, scaled(0.25, w0));
  const even = scaled(-1.0 / 6.0, f32x4.add(w0, w2));
  const evens = f32x4.add(scaled(1.0 / 24.0, w0), scaled(1.0 / 6.0, w2));
  putSums(at, step, even, scaled(-1.0 / 6.0, w1), evens, scaled(1.0 / 12.0, w1));
  v128.store(at + 5 * step, w2);
}

/** G', of 6 sums of products: 3 weights. */
function changeToFilter(at: usize, step: usize): void {
  const u1 = v128.load(at + step);
  const u2 = v128.load(at + 2 * step);
  const u3 = v128.load(at + 3 * step);
  const u4 = v128.load(at + 4 * step);
  const even = scaled(-1.0 / 6.0, f32x4.add(u1, u2));
  const evens = f32x4.add(u3, u4);
  v128.store(at, f32x4.add(f32x4.add(scaled(0.25, v128.load(at)), even), scaled(1.0 / 24.0, evens)));
  const odd = scaled(1.0 / 6.0, f32x4.sub(u2, u1));
  v128.store(at + step, f32x4.add(odd, scaled(1.0 / 12.0, f32x4.sub(u3, u4))));
  v128.store(at + 2 * step, f32x4.add(f32x4.add(even, scaled(1.0 / 6.0, evens)), v128.load(at + 5 * step)));
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

/**
 * Writes a tile into its matrices, of `rows` rows `stride` bytes apart: at row `row`, byte `c` of it; with `turned` at that
 * column.
 */
function scatter(scratch: usize, table: usize, row: i32, rows: i32, c: usize, stride: usize, turned: i32): void {
  for (let p = 0; p < SIDE * SIDE; p++) {
    const value = v128.load(scratch + <usize>p * RIGHT);
    const matrix = <usize>load<u32>(table + ((<usize>p) << 2));
    if (turned) {
      const down = (<usize>rows) << 2;
      const to = matrix + c * <usize>rows + ((<usize>row) << 2);
      store<f32>(to, f32x4.extract_lane(value, 0));
      store<f32>(to + down, f32x4.extract_lane(value, 1));
      store<f32>(to + 2 * down, f32x4.extract_lane(value, 2));
      store<f32>(to + 3 * down, f32x4.extract_lane(value, 3));
    } else {
      v128.store(matrix + <usize>row * stride + c, value);
    }
  }
}

/** Reads a tile out of its matrices, `offset` bytes from their beginnings. */
function gather(table: usize, scratch: usize, offset: usize): void {
  for (let p = 0; p < SIDE * SIDE; p++) {
    const matrix = <usize>load<u32>(table + ((<usize>p) << 2));
    v128.store(scratch + <usize>p * RIGHT, v128.load(matrix + offset));
  }
}

/**
 * The 36 matrices of so many tiles from `first` on, a row for each tile: of 6x6 pixels around them, or with `gradients` of
 * the 4x4 within. With `turned` a column for each tile.
 */
export function winogradTiles(
  x: usize,
  table: usize,
  scratch: usize,
  high: i32,
  wide: i32,
  channels: i32,
  first: i32,
  count: i32,
  gradients: i32,
  turned: i32,
): void {
  const stride = (<usize>channels) << 2;
  const across = (wide + TILE - 1) / TILE;
  const each = ((high + TILE - 1) / TILE) * across;
  const margin = gradients ? 0 : 1;
  for (let t = 0; t < count; t++) {
    const tile = first + t;
    const image = x + <usize>(tile / each) * <usize>(high * wide) * stride;
    const top = ((tile % each) / across) * TILE - margin;
    const left = (tile % across) * TILE - margin;
    for (let c: usize = 0; c < stride; c += RIGHT) {
      readTile(image + c, scratch, gradients ? TILE : SIDE, top, left, high, wide, stride);
      if (gradients) {
        for (let i = 0; i < TILE; i++) changeGradients(scratch + <usize>i * RIGHT, DOWN);
        for (let i = 0; i < SIDE; i++) changeGradients(scratch + <usize>i * DOWN, RIGHT);
      } else {
        for (let i = 0; i < SIDE; i++) changePixels(scratch + <usize>i * RIGHT, DOWN);
        for (let i = 0; i < SIDE; i++) changePixels(scratch + <usize>i * DOWN, RIGHT);
      }
      scatter(scratch, table, t, count, c, stride, turned);
    }
  }
}

/** The 4x4 results of so many tiles from `first` on, those within the image, of the 36 sums of products. */
export function winogradResults(
  table: usize,
  y: usize,
  scratch: usize,
  high: i32,
  wide: i32,
  channels: i32,
  first: i32,
  count: i32,
): void {
  const stride = (<usize>channels) << 2;
  const across = (wide + TILE - 1) / TILE;
  const each = ((high + TILE - 1) / TILE) * across;
  for (let t = 0; t < count; t++) {
    const tile = first + t;
    const top = ((tile % each) / across) * TILE;
    const left = (tile % across) * TILE;
    const to = y + <usize>((tile / each) * high * wide + top * wide + left) * stride;
    for (let c: usize = 0; c < stride; c += RIGHT) {
      gather(table, scratch, <usize>t * stride + c);
      for (let i = 0; i < SIDE; i++) changeProducts(scratch + <usize>i * RIGHT, DOWN);
      for (let r = 0; r < min(TILE, high - top); r++) {
        changeProducts(scratch + <usize>r * DOWN, RIGHT);
        for (let k = 0; k < min(TILE, wide - left); k++) {
          v128.store(to + <usize>(r * wide + k) * stride + c, v128.load(scratch + <usize>r * DOWN + <usize>k * RIGHT));
        }
      }
    }
  }
}

/**
 * The 36 matrices, `from` x `to`, of filters [3, 3, from, to]; with `turned` those of the way back, `to` x `from`, of
 * filters turned around.
 */
export function winogradFilters(w: usize, table: usize, scratch: usize, from: i32, to: i32, turned: i32): void {
  const stride = (<usize>to) << 2;
  for (let i = 0; i < from; i++) {
    for (let c: usize = 0; c < stride; c += RIGHT) {
      for (let k = 0; k < 9; k++) {
        const at = turned ? 8 - k : k;
        v128.store(
          scratch + <usize>(k / 3) * DOWN + <usize>(k % 3) * RIGHT,
          v128.load(w + <usize>(at * from + i) * stride + c),
        );
      }
      for (let k = 0; k < 3; k++) changeFilter(scratch + <usize>k * RIGHT, DOWN);
      for (let k = 0; k < SIDE; k++) changeFilter(scratch + <usize>k * DOWN, RIGHT);
      scatter(scratch, table, i, from, c, stride, turned);
    }
  }
}

/** The gradient to filters [3, 3, from, to] of its 36 matrices, `from` x `to`. */
export function winogradFilterGradient(table: usize, dw: usize, scratch: usize, from: i32, to: i32): void {
  const stride = (<usize>to) << 2;
  for (let i = 0; i < from; i++) {
    for (let c: usize = 0; c < stride; c += RIGHT) {
      gather(table, scratch, <usize>i * stride + c);
      for (let k = 0; k < SIDE; k++) changeToFilter(scratch + <usize>k * RIGHT, DOWN);
      for (let k = 0; k < 3; k++) changeToFilter(scratch + <usize>k * DOWN, RIGHT);
      for (let k = 0; k < 9; k++) {
        const value = v128.load(scratch + <usize>(k / 3) * DOWN + <usize>(k % 3) * RIGHT);
        v128.store(dw + <usize>(k * from + i) * stride + c, value);
      }
    }
  }
}
