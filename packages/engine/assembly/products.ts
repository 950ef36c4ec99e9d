import { COLUMNS, putRow, putSegment, ROWS, SEGMENT, STRIP, sumStrip, WIDE } from './strips';

// Products of matrices, whose second operand is first packed into panels of 8 columns, [panels, inner, 8], nought where there
// is no column.

/** Rows that go through all columns together, so that they stay in the caches. */
const BLOCK: i32 = 48;

/**
 * Packs `rows` x `columns` numbers, `down` and `right` bytes apart, from panel `first` up to `last`; `inner` rows has a panel, the
 * first of which is where these begin.
 */
export function pack(
  from: usize,
  to: usize,
  rows: i32,
  columns: i32,
  down: usize,
  right: usize,
  inner: i32,
  first: i32,
  last: i32,
): void {
  for (let panel = first; panel < last; panel++) {
    const wide = min(COLUMNS, columns - panel * COLUMNS);
    let at = from + <usize>(panel * COLUMNS) * right;
    let put = to + <usize>panel * <usize>inner * WIDE;
    if (wide === COLUMNS && right === 4) {
      for (let row = 0; row < rows; row++, at += down, put += WIDE) putRow(at, put, COLUMNS);
      continue;
    }
    for (let row = 0; row < rows; row++, at += down, put += WIDE) {
      for (let c = 0; c < COLUMNS; c++) {
        store<f32>(put + ((<usize>c) << 2), c < wide ? load<f32>(at + <usize>c * right) : 0);
      }
    }
  }
}

/**
 * c[i, j] = sum over t < inner of a[i * down + t * right] * b[t, j], for rows `first` up to `last` and all columns of the panels
 * from `firstPanel` up to `lastPanel`.
 *
 * @param packed b
 * @param scratch as much as `productScratch` says
 */
export function product(
  a: usize,
  packed: usize,
  c: usize,
  scratch: usize,
  down: usize,
  right: usize,
  inner: i32,
  columns: i32,
  first: i32,
  last: i32,
  firstPanel: i32,
  lastPanel: i32,
): void {
  const stride = (<usize>columns) << 2;
  const segments = scratch + STRIP;
  for (let block = first; block < last; block += BLOCK) {
    const end = min(last, block + BLOCK);
    let at = segments;
    for (let row = block; row < end; row += ROWS) {
      const p = a + <usize>row * down;
      const most = end - row - 1;
      at = putSegment(
        at,
        p,
        p + <usize>min(1, most) * down,
        p + <usize>min(2, most) * down,
        p + <usize>min(3, most) * down,
        0,
        inner,
      );
    }
    for (let panel = firstPanel; panel < lastPanel; panel++) {
      const wide = min(COLUMNS, columns - panel * COLUMNS);
      const b = packed + <usize>panel * <usize>inner * WIDE;
      let segment = segments;
      for (let row = block; row < end; row += ROWS, segment += SEGMENT) {
        const to = c + <usize>row * stride + <usize>panel * WIDE;
        const rows = min(ROWS, end - row);
        if (rows === ROWS && wide === COLUMNS) {
          sumStrip(segment, segment + SEGMENT, 0, b, right, WIDE, to, stride, false);
          continue;
        }
        sumStrip(segment, segment + SEGMENT, 0, b, right, WIDE, scratch, WIDE, false);
        for (let r = 0; r < rows; r++) putRow(scratch + <usize>r * WIDE, to + <usize>r * stride, wide);
      }
    }
  }
}

/** A strip, and segments of BLOCK rows. */
export function productScratch(): usize {
  return STRIP + <usize>(BLOCK / ROWS) * SEGMENT;
}
