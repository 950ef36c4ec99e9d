// Norms and PReLU. Tensors are [rows, channels], NHWC flattened. Four channels go through a vector at a time, those that
// remain one by one. Sums are taken over blocks of rows first, so that float32 keeps its digits, and are added to what the
// caller put into the result; threads have results of their own for them.

const BLOCK: i32 = 64;

/** sum += x - x[0] and squares += (x - x[0])^2 over rows. The first row as origin keeps a mean far from 0 harmless. */
export function moments(x: usize, sum: usize, squares: usize, channels: i32, first: i32, last: i32): void {
  const stride = (<usize>channels) << 2;
  const zero = f32x4.splat(0);
  for (let block = first; block < last; block += BLOCK) {
    const end = min(block + BLOCK, last);
    let c: usize = 0;
    for (; c + 16 <= stride; c += 16) {
      const origin = v128.load(x + c);
      let s = zero;
      let q = zero;
      let p = x + <usize>block * stride + c;
      for (let row = block; row < end; row++) {
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
      let p = x + <usize>block * stride + c;
      for (let row = block; row < end; row++) {
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
  channels: i32,
  first: i32,
  last: i32,
): void {
  const stride = (<usize>channels) << 2;
  const zero = f32x4.splat(0);
  for (let block = first; block < last; block += BLOCK) {
    const end = min(block + BLOCK, last);
    const start = <usize>block * stride;
    let c: usize = 0;
    for (; c + 16 <= stride; c += 16) {
      const m = v128.load(mean + c);
      let s = zero;
      let q = zero;
      let i = start + c;
      for (let row = block; row < end; row++) {
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
      for (let row = block; row < end; row++) {
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
export function normalize(
  x: usize,
  mean: usize,
  a: usize,
  b: usize,
  out: usize,
  channels: i32,
  first: i32,
  last: i32,
): void {
  const stride = (<usize>channels) << 2;
  let i = <usize>first * stride;
  for (let row = first; row < last; row++) {
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
  channels: i32,
  first: i32,
  last: i32,
): void {
  const stride = (<usize>channels) << 2;
  let i = <usize>first * stride;
  for (let row = first; row < last; row++) {
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
  channels: i32,
  first: i32,
  last: i32,
): void {
  const stride = (<usize>channels) << 2;
  const zero = f32x4.splat(0);
  for (let block = first; block < last; block += BLOCK) {
    const end = min(block + BLOCK, last);
    const start = <usize>block * stride;
    let c: usize = 0;
    for (; c + 16 <= stride; c += 16) {
      const a = v128.load(alpha + c);
      let s = zero;
      let i = start + c;
      for (let row = block; row < end; row++) {
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
      for (let row = block; row < end; row++) {
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
