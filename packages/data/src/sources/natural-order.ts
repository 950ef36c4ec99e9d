/**
 * Compares file names the way people count: runs of digits by value (`face2` before `face10`), everything else by UTF-16
 * code unit, so that the order is the same on every machine and in every language setting.
 */
export function naturalOrder(a: string, b: string): number {
  const partsOfA = a.split(/(\d+)/);
  const partsOfB = b.split(/(\d+)/);
  for (let i = 0; i < Math.min(partsOfA.length, partsOfB.length); i++) {
    const [x, y] = [partsOfA[i]!, partsOfB[i]!];
    // Odd parts are digits; longer ones are larger once leading zeros are gone, at any length.
    const [xKey, yKey] = i % 2 ? [x.replace(/^0+/, ''), y.replace(/^0+/, '')] : [x, y];
    if (i % 2 && xKey.length !== yKey.length) return xKey.length - yKey.length;
    if (xKey !== yKey) return xKey < yKey ? -1 : 1;
  }
  return partsOfA.length - partsOfB.length || (a < b ? -1 : a > b ? 1 : 0);
}
