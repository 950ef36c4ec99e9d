/** Numbers in memory that worker threads share, where there are such threads: most pages have neither. */
export function shared(numbers: readonly number[]): Float64Array {
  const Memory = typeof SharedArrayBuffer === 'undefined' ? ArrayBuffer : SharedArrayBuffer;
  const array = new Float64Array(new Memory(8 * numbers.length));
  array.set(numbers);
  return array;
}
