// Changes of RGB images, sixteen pixels at a time, in AssemblyScript: `npx tsx scripts/assembly/build.ts` compiles them. An image
// lies at the start of the memory; what follows it, up to sixteen pixels, may be anything where it is only written.

/** Sums of the channels of {@link sum}. */
export let red: u32 = 0;
export let green: u32 = 0;
export let blue: u32 = 0;

// The channels of sixteen pixels, of which `first`, `second` and `third` have sixteen bytes each, r g b r g b ...
function reds(first: v128, second: v128, third: v128): v128 {
  const most = v128.shuffle<u8>(first, second, 0, 3, 6, 9, 12, 15, 18, 21, 24, 27, 30, 0, 0, 0, 0, 0);
  return v128.shuffle<u8>(most, third, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 17, 20, 23, 26, 29);
}

function greens(first: v128, second: v128, third: v128): v128 {
  const most = v128.shuffle<u8>(first, second, 1, 4, 7, 10, 13, 16, 19, 22, 25, 28, 31, 0, 0, 0, 0, 0);
  return v128.shuffle<u8>(most, third, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 18, 21, 24, 27, 30);
}

function blues(first: v128, second: v128, third: v128): v128 {
  const most = v128.shuffle<u8>(first, second, 2, 5, 8, 11, 14, 17, 20, 23, 26, 29, 0, 0, 0, 0, 0, 0);
  return v128.shuffle<u8>(most, third, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 16, 19, 22, 25, 28, 31);
}

/** Adds sixteen bytes to four sums. */
function added(sums: v128, bytes: v128): v128 {
  return i32x4.add(sums, i32x4.extadd_pairwise_i16x8_u(i16x8.extadd_pairwise_i8x16_u(bytes)));
}

function total(sums: v128): u32 {
  return (
    i32x4.extract_lane(sums, 0) +
    i32x4.extract_lane(sums, 1) +
    i32x4.extract_lane(sums, 2) +
    i32x4.extract_lane(sums, 3)
  );
}

/** Sums each channel of an image of so many bytes, behind which zeros lie up to sixteen pixels. */
export function sum(bytes: i32): void {
  let r = i32x4.splat(0);
  let g = i32x4.splat(0);
  let b = i32x4.splat(0);
  for (let at = 0; at < bytes; at += 48) {
    const first = v128.load(at);
    const second = v128.load(at, 16);
    const third = v128.load(at, 32);
    r = added(r, reds(first, second, third));
    g = added(g, greens(first, second, third));
    b = added(b, blues(first, second, third));
  }
  red = total(r);
  green = total(g);
  blue = total(b);
}

/** Four of sixteen bytes, as numbers. */
function four(bytes: v128, part: i32): v128 {
  const half = part < 2 ? i16x8.extend_low_i8x16_u(bytes) : i16x8.extend_high_i8x16_u(bytes);
  return part % 2 === 0 ? i32x4.extend_low_i16x8_u(half) : i32x4.extend_high_i16x8_u(half);
}

/** `own * x + shift` of a channel, with sixteen bits behind the point, of which those are dropped, as clipped bytes. */
function mapped(channel: v128, own: v128, shift0: v128, shift1: v128, shift2: v128, shift3: v128): v128 {
  const first = i16x8.narrow_i32x4_s(moved(four(channel, 0), own, shift0), moved(four(channel, 1), own, shift1));
  const second = i16x8.narrow_i32x4_s(moved(four(channel, 2), own, shift2), moved(four(channel, 3), own, shift3));
  return i8x16.narrow_i16x8_u(first, second);
}

function moved(numbers: v128, own: v128, shift: v128): v128 {
  return i32x4.shr_s(i32x4.add(i32x4.mul(own, numbers), shift), 16);
}

/**
 * `own * x + (r, g, b) . pixel + offset` for each channel x of each pixel, rounded down and clipped; factors have sixteen bits behind
 * the point.
 */
export function recolour(bytes: i32, own: i32, r: i32, g: i32, b: i32, offset: i32): void {
  const owns = i32x4.splat(own);
  const rs = i32x4.splat(r);
  const gs = i32x4.splat(g);
  const bs = i32x4.splat(b);
  const offsets = i32x4.splat(offset);
  for (let at = 0; at < bytes; at += 48) {
    const first = v128.load(at);
    const second = v128.load(at, 16);
    const third = v128.load(at, 32);
    let red = reds(first, second, third);
    let green = greens(first, second, third);
    let blue = blues(first, second, third);
    const shift0 = shiftOf(red, green, blue, 0, rs, gs, bs, offsets);
    const shift1 = shiftOf(red, green, blue, 1, rs, gs, bs, offsets);
    const shift2 = shiftOf(red, green, blue, 2, rs, gs, bs, offsets);
    const shift3 = shiftOf(red, green, blue, 3, rs, gs, bs, offsets);
    red = mapped(red, owns, shift0, shift1, shift2, shift3);
    green = mapped(green, owns, shift0, shift1, shift2, shift3);
    blue = mapped(blue, owns, shift0, shift1, shift2, shift3);
    // Back among each other: red and green first, then blue into the places left.
    let both = v128.shuffle<u8>(red, green, 0, 16, 0, 1, 17, 0, 2, 18, 0, 3, 19, 0, 4, 20, 0, 5);
    v128.store(at, v128.shuffle<u8>(both, blue, 0, 1, 16, 3, 4, 17, 6, 7, 18, 9, 10, 19, 12, 13, 20, 15));
    both = v128.shuffle<u8>(red, green, 21, 0, 6, 22, 0, 7, 23, 0, 8, 24, 0, 9, 25, 0, 10, 26);
    v128.store(at, v128.shuffle<u8>(both, blue, 0, 21, 2, 3, 22, 5, 6, 23, 8, 9, 24, 11, 12, 25, 14, 15), 16);
    both = v128.shuffle<u8>(red, green, 0, 11, 27, 0, 12, 28, 0, 13, 29, 0, 14, 30, 0, 15, 31, 0);
    v128.store(at, v128.shuffle<u8>(both, blue, 26, 1, 2, 27, 4, 5, 28, 7, 8, 29, 10, 11, 30, 13, 14, 31), 32);
  }
}

function shiftOf(red: v128, green: v128, blue: v128, part: i32, r: v128, g: v128, b: v128, offset: v128): v128 {
  const grey = i32x4.add(i32x4.mul(r, four(red, part)), i32x4.mul(g, four(green, part)));
  return i32x4.add(i32x4.add(grey, i32x4.mul(b, four(blue, part))), offset);
}
