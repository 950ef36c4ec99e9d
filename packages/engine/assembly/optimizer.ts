// What an optimizer does to each number of a parameter; four at a time, and those that remain one by one.

const BLOCK: i32 = 4096;

/** out[0] = sum of x^2, from number `first` up to `last`: of each block in float32, of blocks in float64. */
export function sumOfSquares(x: usize, out: usize, first: i32, last: i32): void {
  let sum: f64 = 0;
  for (let block = first; block < last; block += BLOCK) {
    const end = min(last, block + BLOCK);
    let four = f32x4.splat(0);
    let i = block;
    for (; i + 4 <= end; i += 4) {
      const u = v128.load(x + ((<usize>i) << 2));
      four = f32x4.add(four, f32x4.mul(u, u));
    }
    sum += <f64>f32x4.extract_lane(four, 0) + <f64>f32x4.extract_lane(four, 1);
    sum += <f64>f32x4.extract_lane(four, 2) + <f64>f32x4.extract_lane(four, 3);
    for (; i < end; i++) {
      const u = load<f32>(x + ((<usize>i) << 2));
      sum += <f64>(u * u);
    }
  }
  store<f64>(out, sum);
}

/**
 * d = gradient + decay * weight; without velocity, 0, next = weight - rate * d; with one nextVelocity = momentum * velocity + d, and next =
 * weight - rate * nextVelocity, or with `nesterov` weight - rate * (d + momentum * nextVelocity). From number `first` up to `last`.
 *
 * @param decay where it is, as `rate` and `momentum` are
 */
export function sgd(
  weight: usize,
  gradient: usize,
  velocity: usize,
  next: usize,
  nextVelocity: usize,
  decay: usize,
  rate: usize,
  momentum: usize,
  nesterov: i32,
  first: i32,
  last: i32,
): void {
  const d = load<f32>(decay);
  const r = load<f32>(rate);
  const m = load<f32>(momentum);
  const ds = f32x4.splat(d);
  const rs = f32x4.splat(r);
  const ms = f32x4.splat(m);
  let i = (<usize>first) << 2;
  const end = (<usize>last) << 2;
  for (; i + 16 <= end; i += 16) {
    const w = v128.load(weight + i);
    const descent = f32x4.add(v128.load(gradient + i), f32x4.mul(w, ds));
    let direction = descent;
    if (velocity) {
      const v = f32x4.add(f32x4.mul(v128.load(velocity + i), ms), descent);
      v128.store(nextVelocity + i, v);
      direction = nesterov ? f32x4.add(descent, f32x4.mul(v, ms)) : v;
    }
    v128.store(next + i, f32x4.sub(w, f32x4.mul(direction, rs)));
  }
  for (; i < end; i += 4) {
    const w = load<f32>(weight + i);
    const descent = load<f32>(gradient + i) + w * d;
    let direction = descent;
    if (velocity) {
      const v = load<f32>(velocity + i) * m + descent;
      store<f32>(nextVelocity + i, v);
      direction = nesterov ? descent + v * m : v;
    }
    store<f32>(next + i, w - direction * r);
  }
}
