/** How many numbers are at most `bound`, in numbers that never fall: the place of the first one above it, where there is one. */
export function upperBound(rising: ArrayLike<number>, bound: number): number {
  let [low, high] = [0, rising.length];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (rising[middle]! > bound) high = middle;
    else low = middle + 1;
  }
  return low;
}
