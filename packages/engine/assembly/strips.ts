// What products of matrices and convolutions are made of: 4 rows by 8 columns of a result at a time, which stay in registers
// while sums go over a list of segments. Without fused multiply-add that is what an x86 core's units can be kept busy with:
// 16 of them are served by 6 loads.

/** Rows and columns of a strip. */
export const ROWS: i32 = 4;
export const COLUMNS: i32 = 8;
/** Bytes of a row of a strip, and of a strip. */
export const WIDE: usize = 32;
export const STRIP: usize = 128;
/** Bytes of a segment: where its four rows begin, where its columns do, from some beginning, and how many terms it has. */
export const SEGMENT: usize = 24;

/** Writes a segment, and says where the next one goes. */
export function putSegment(
  at: usize,
  row0: usize,
  row1: usize,
  row2: usize,
  row3: usize,
  columns: usize,
  count: i32,
): usize {
  store<u32>(at, <u32>row0);
  store<u32>(at, <u32>row1, 4);
  store<u32>(at, <u32>row2, 8);
  store<u32>(at, <u32>row3, 12);
  store<u32>(at, <u32>columns, 16);
  store<i32>(at, count, 20);
  return at + SEGMENT;
}

function plusProduct(sum: v128, a: v128, b: v128): v128 {
  return f32x4.add(sum, f32x4.mul(a, b));
}

export function addRow(to: usize, left: v128, right: v128): void {
  v128.store(to, f32x4.add(v128.load(to), left));
  v128.store(to, f32x4.add(v128.load(to, 16), right), 16);
}

/**
 * result[r, c] = sum over segments and their terms t of row_r[t * rowStep] * columns[t * columnStep + 4 c], whose rows are `down` bytes
 * apart.
 *
 * @param shift added to where rows begin
 * @param columns what the segments' columns count from
 * @param more to add the sums to what is there
 */
export function sumStrip(
  segments: usize,
  end: usize,
  shift: usize,
  columns: usize,
  rowStep: usize,
  columnStep: usize,
  result: usize,
  down: usize,
  more: bool,
): void {
  let s00 = f32x4.splat(0);
  let s01 = f32x4.splat(0);
  let s10 = f32x4.splat(0);
  let s11 = f32x4.splat(0);
  let s20 = f32x4.splat(0);
  let s21 = f32x4.splat(0);
  let s30 = f32x4.splat(0);
  let s31 = f32x4.splat(0);
  for (; segments < end; segments += SEGMENT) {
    let p0 = shift + <usize>load<u32>(segments);
    let p1 = shift + <usize>load<u32>(segments, 4);
    let p2 = shift + <usize>load<u32>(segments, 8);
    let p3 = shift + <usize>load<u32>(segments, 12);
    let b = columns + <usize>load<u32>(segments, 16);
    const last = b + <usize>load<i32>(segments, 20) * columnStep;
    while (b < last) {
      const b0 = v128.load(b);
      const b1 = v128.load(b, 16);
      const a0 = v128.load32_splat(p0);
      s00 = plusProduct(s00, a0, b0);
      s01 = plusProduct(s01, a0, b1);
      const a1 = v128.load32_splat(p1);
      s10 = plusProduct(s10, a1, b0);
      s11 = plusProduct(s11, a1, b1);
      const a2 = v128.load32_splat(p2);
      s20 = plusProduct(s20, a2, b0);
      s21 = plusProduct(s21, a2, b1);
      const a3 = v128.load32_splat(p3);
      s30 = plusProduct(s30, a3, b0);
      s31 = plusProduct(s31, a3, b1);
      b += columnStep;
      p0 += rowStep;
      p1 += rowStep;
      p2 += rowStep;
      p3 += rowStep;
    }
  }
  if (more) {
    addRow(result, s00, s01);
    addRow(result + down, s10, s11);
    addRow(result + 2 * down, s20, s21);
    addRow(result + 3 * down, s30, s31);
  } else {
    v128.store(result, s00);
    v128.store(result, s01, 16);
    v128.store(result + down, s10);
    v128.store(result + down, s11, 16);
    v128.store(result + 2 * down, s20);
    v128.store(result + 2 * down, s21, 16);
    v128.store(result + 3 * down, s30);
    v128.store(result + 3 * down, s31, 16);
  }
}

/** Copies `wide` numbers of a row to their place. */
export function putRow(row: usize, to: usize, wide: i32): void {
  if (wide === COLUMNS) {
    v128.store(to, v128.load(row));
    v128.store(to, v128.load(row, 16), 16);
    return;
  }
  for (let c = 0; c < wide; c++) store<f32>(to + ((<usize>c) << 2), load<f32>(row + ((<usize>c) << 2)));
}
