/** Sizes of a convolution, NHWC, as they lie in a tensor of int32. */
@unmanaged
export class Geometry {
  images: i32;
  /** Of what is read. */
  high: i32;
  wide: i32;
  from: i32;
  /** Of what is written, or of the gradient to it. */
  outHigh: i32;
  outWide: i32;
  to: i32;
  filterHigh: i32;
  filterWide: i32;
  strideRows: i32;
  strideColumns: i32;
  dilationRows: i32;
  dilationColumns: i32;
  /** Noughts before the first row, and before the first column. */
  top: i32;
  left: i32;
}

/** Which pixel a tap meets, or -1: of the image, or with `back` of the result that the image's pixel is part of. */
function met(at: i32, tap: i32, stride: i32, dilation: i32, before: i32, length: i32, back: i32): i32 {
  let there = at * stride + tap * dilation - before;
  if (back) {
    const reach = at + before - tap * dilation;
    if (reach < 0 || reach % stride !== 0) return -1;
    there = reach / stride;
  }
  return there >= 0 && there < length ? there : -1;
}

/** The row of what is read that a row of taps meets from row h of what is written; -1 where that is outside. */
export function rowMet(g: Geometry, h: i32, tap: i32, back: i32): i32 {
  return met(h, tap, g.strideRows, g.dilationRows, g.top, g.high, back);
}

/** The same of columns. */
export function columnMet(g: Geometry, w: i32, tap: i32, back: i32): i32 {
  return met(w, tap, g.strideColumns, g.dilationColumns, g.left, g.wide, back);
}
