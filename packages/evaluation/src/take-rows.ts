/** Some rows of a matrix `[rows, width]`, in the order of their numbers: `[numbers.length, width]`. */
export function takeRows(values: Float32Array, width: number, rows: ArrayLike<number>): Float32Array {
  const taken = new Float32Array(rows.length * width);
  for (let i = 0; i < rows.length; i++) {
    taken.set(values.subarray(rows[i]! * width, (rows[i]! + 1) * width), i * width);
  }
  return taken;
}
