/** Plain data that JSON can hold. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** Element types that a {@link State} may hold, named as safetensors names them. */
export type TensorDtype = 'F32' | 'F64' | 'F16' | 'BF16' | 'I64' | 'I32' | 'U8' | 'U16' | 'U32';

export interface DtypeArrays {
  F32: Float32Array;
  F64: Float64Array;
  /** Bits. */
  F16: Uint16Array;
  /** Bits. */
  BF16: Uint16Array;
  /** As numbers, exact below 2^53. Of other programs' files: read, never written. */
  I64: Float64Array;
  I32: Int32Array;
  U8: Uint8Array;
  U16: Uint16Array;
  U32: Uint32Array;
}

/** A named block of numbers: row-major, `shape` in elements. */
export type TensorData = {
  readonly [D in TensorDtype]: {
    readonly dtype: D;
    readonly shape: readonly number[];
    readonly data: DtypeArrays[D];
  };
}[TensorDtype];

/** What a stateful part saves: JSON values and tensors, both by name. Never a live object. */
export interface State {
  readonly values: { readonly [key: string]: Json };
  readonly tensors: { readonly [name: string]: TensorData };
}

/** A part whose whole future depends on what `state` returns. */
export interface Stateful {
  state(): State | Promise<State>;
  restore(state: State): void | Promise<void>;
}

/** Joins the states of several parts under their names, `name/key`. */
export function joinStates(parts: Readonly<Record<string, State>>): State {
  const states = Object.entries(parts);
  return {
    values: Object.fromEntries(states.map(([part, state]) => [part, state.values])),
    tensors: Object.fromEntries(
      states.flatMap(([part, state]) =>
        Object.entries(state.tensors).map(([name, tensor]) => [`${part}/${name}`, tensor] as const),
      ),
    ),
  };
}

/** Takes one part's state out of a joined one; `undefined` when the part saved nothing. */
export function partState(joined: State, part: string): State | undefined {
  if (!Object.hasOwn(joined.values, part)) return undefined;
  const prefix = `${part}/`;
  const tensors = Object.entries(joined.tensors).filter(([name]) => name.startsWith(prefix));
  return {
    values: joined.values[part] as State['values'],
    // Unlike an assignment, this takes `__proto__` as the name that it is.
    tensors: Object.fromEntries(tensors.map(([name, tensor]) => [name.slice(prefix.length), tensor])),
  };
}
