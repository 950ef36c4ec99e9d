import { loadWasm } from '@protomem/core';
import { imagesModule } from './images-module.ts';

interface Global {
  readonly value: number;
}

/** Loops over the pixels of an image (assembly/) in their memory, sixteen pixels at a time. */
interface Loops {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number };
  readonly sum: (bytes: number) => void;
  readonly red: Global;
  readonly green: Global;
  readonly blue: Global;
  readonly recolour: (bytes: number, own: number, r: number, g: number, b: number, offset: number) => void;
}

const PAGE = 65536;
/** Sixteen pixels, of which the last turn may need fewer. */
const TURN = 48;

let loops: Loops | undefined;

/** The loops, and the bytes of an image in their memory, with zeros behind them; good until the next call. */
export function loopsOn(data: Uint8Array): { readonly loops: Loops; readonly bytes: Uint8Array } {
  loops ??= loadWasm<Loops>(imagesModule).exports;
  const { memory } = loops;
  const needed = data.length + TURN;
  if (memory.buffer.byteLength < needed) memory.grow(Math.ceil((needed - memory.buffer.byteLength) / PAGE));
  const heap = new Uint8Array(memory.buffer, 0, needed);
  heap.set(data);
  heap.fill(0, data.length);
  return { loops, bytes: heap.subarray(0, data.length) };
}
