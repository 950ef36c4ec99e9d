import type * as tf from '@tensorflow/tfjs';

/** A tensor as TensorFlow's binding knows it. */
export interface Handle {
  readonly id: number;
  readonly shape: number[];
  readonly dtype: number;
}

export interface Attribute {
  readonly name: string;
  readonly type: number;
  readonly value: unknown;
}

/** What tfjs-node's backend calls; constants by name besides. */
export interface Binding {
  executeOp(op: string, attributes: readonly Attribute[], inputs: readonly number[], outputs: number): Handle[];
  deleteTensor(id: number): void;
  tensorDataSync(id: number): unknown;
  readonly TF_ATTR_TYPE: number;
  readonly TF_FLOAT: number;
}

/** TensorFlow's number for the type, which tfjs-node has no name for. */
export const BFLOAT16 = 14;

/**
 * What becomes of an op's inputs of type `T`, a letter for each input:
 * - `r`: rounded to bfloat16; the op computes in it.
 * - `d`: decide: if all of them are bfloat16 already, the op computes in it, else in float32.
 * - `f`: follow what was decided.
 * - `-`: of another type; left alone.
 *
 * `>` at the end: the result is handed on in float32. Ops that are not listed compute in float32.
 */
const policies: Readonly<Record<string, string>> = {
  Conv2D: 'rr',
  Conv2DBackpropInput: '-rr',
  Conv2DBackpropFilter: 'r-r>',
  DepthwiseConv2dNative: 'rr',
  DepthwiseConv2dNativeBackpropInput: '-rr',
  DepthwiseConv2dNativeBackpropFilter: 'r-r>',
  ProtomemBatchNorm: 'd---',
  ProtomemBatchNormGrad: 'fd----',
  ProtomemBatchNormPrelu: 'd---',
  ProtomemBatchNormPreluGrad: 'fd-----',
  ProtomemScaleShiftPrelu: 'd---',
  ProtomemPreluGrad: 'fd-',
  ProtomemDepthwise: 'r-',
  ProtomemDepthwisePrelu: 'r---',
  ProtomemDepthwiseGrad: 'rr-',
  FusedBatchNormV3: 'd----',
  FusedBatchNormGradV3: 'fd----',
  Add: 'dd',
  AddV2: 'dd',
  PadV2: 'd-f',
  Slice: 'd--',
  Reshape: 'd-',
};

function policyOf(op: string, attributes: readonly Attribute[]): string {
  // TensorFlow does this one without its fast loops: 60 ms in place of 7 for 32 images of 57 x 57 x 128.
  const slow = op === 'DepthwiseConv2dNativeBackpropInput' && (attribute(attributes, 'strides') as number[])[1]! > 1;
  return slow ? '' : (policies[op] ?? '');
}

const attribute = (attributes: readonly Attribute[], wanted: string): unknown =>
  attributes.find(({ name }) => name === wanted)?.value;

/** On the backend and not in this module, of which a program may hold two copies. */
const key = Symbol.for('protomem.bfloat16');

/** From now on convolutions on this backend, and what lies between them, compute in bfloat16, or in float32 again. */
export function setBfloat16(backend: tf.KernelBackend, on: boolean): void {
  const own = backend as tf.KernelBackend & { binding: Binding; [key]?: Bfloat16Binding };
  if (!own[key] && on) {
    own[key] = new Bfloat16Binding(own.binding);
    own.binding = own[key].outer;
  }
  if (own[key]) own[key].on = on;
}

/** Whether convolutions on this backend compute in bfloat16 now. */
export const computesInBfloat16 = (backend: tf.KernelBackend): boolean =>
  (backend as { [key]?: Bfloat16Binding })[key]?.on === true;

/** Runs in float32, whatever convolutions on this backend compute in. */
export function inFloat32<R>(backend: tf.KernelBackend, run: () => R): R {
  const own = (backend as { [key]?: Bfloat16Binding })[key];
  if (!own?.on) return run();
  own.on = false;
  try {
    return run();
  } finally {
    own.on = true;
  }
}

/** A binding's own properties cannot be changed: an object before it hands on everything that is not overridden. */
export function overridden(binding: Binding, own: Partial<Binding>): Binding {
  return Object.create(binding, Object.getOwnPropertyDescriptors(own));
}

/**
 * Puts another binding in place of the one that TensorFlow's ops are executed with, in whatever type.
 *
 * @returns puts everything back.
 */
export function replaceBinding(backend: tf.KernelBackend, change: (binding: Binding) => Binding): () => void {
  const own = backend as tf.KernelBackend & { binding: Binding; [key]?: Bfloat16Binding };
  const before = own[key]?.inner ?? own.binding;
  const put = (binding: Binding): void => {
    if (own[key]) own[key].inner = binding;
    else own.binding = binding;
  };
  put(change(before));
  return () => put(before);
}

/**
 * Stands between tfjs-node's backend and its binding. tfjs has no bfloat16: a tensor that TensorFlow holds in it is float32
 * to tfjs, and only its number tells it from others. What reads it, or has no policy, gets its float32 value. So a
 * network needs no word about it, and its activations take half the memory. It is the idea of PyTorch's autocast: weights,
 * sums, statistics and optimizer stay float32.
 */
class Bfloat16Binding {
  on = true;
  /** What the backend calls. */
  readonly outer: Binding;
  /** What executes. */
  inner: Binding;
  private readonly halves = new Set<number>();

  constructor(inner: Binding) {
    this.inner = inner;
    const own: Pick<Binding, 'executeOp' | 'deleteTensor' | 'tensorDataSync'> = {
      executeOp: (...call) => this.execute(...call),
      deleteTensor: (id) => {
        this.halves.delete(id);
        inner.deleteTensor(id);
      },
      tensorDataSync: (id) =>
        this.with(
          [id],
          () => true,
          inner.TF_FLOAT,
          ([whole]) => inner.tensorDataSync(whole!),
        ),
    };
    this.outer = overridden(inner, own);
  }

  private execute(op: string, attributes: readonly Attribute[], inputs: readonly number[], outputs: number): Handle[] {
    const policy = policyOf(op, attributes);
    const isHalf = (id: number): boolean => this.halves.has(id);
    if (!(this.on && policy.includes('r')) && !inputs.some(isHalf)) {
      return this.inner.executeOp(op, attributes, inputs, outputs);
    }
    const decisive = inputs.filter((_, i) => policy[i] === 'd');
    const half = policy.includes('r') ? this.on : decisive.length > 0 && decisive.every(isHalf);
    const typed = half ? attributes.map((one) => (one.name === 'T' ? { ...one, value: BFLOAT16 } : one)) : attributes;
    const changes = (_: number, i: number): boolean => !half || 'rdf'.includes(policy[i] ?? '-');
    return this.with(inputs, changes, half ? BFLOAT16 : this.inner.TF_FLOAT, (ids) =>
      this.inner.executeOp(op, typed, ids, outputs).map((handle) => this.received(handle, policy.endsWith('>'))),
    );
  }

  /** What an op made, as the backend is to see it. */
  private received(handle: Handle, whole: boolean): Handle {
    if (handle.dtype !== BFLOAT16) return handle;
    const seen = { ...handle, dtype: this.inner.TF_FLOAT };
    if (whole) {
      const id = this.cast(handle.id, BFLOAT16, this.inner.TF_FLOAT);
      this.inner.deleteTensor(handle.id);
      return { ...seen, id };
    }
    this.halves.add(handle.id);
    return seen;
  }

  /** Runs with those of the tensors that `changes` says in the type, for the time of the run. */
  private with<R>(
    ids: readonly number[],
    changes: (id: number, i: number) => boolean,
    dtype: number,
    run: (ids: readonly number[]) => R,
  ): R {
    const temporary: number[] = [];
    try {
      return run(
        ids.map((id, i) => {
          const from = this.halves.has(id) ? BFLOAT16 : this.inner.TF_FLOAT;
          if (!changes(id, i) || from === dtype) return id;
          temporary.push(this.cast(id, from, dtype));
          return temporary.at(-1)!;
        }),
      );
    } finally {
      for (const id of temporary) this.inner.deleteTensor(id);
    }
  }

  private cast(id: number, from: number, to: number): number {
    const type = (name: string, value: number): Attribute => ({ name, type: this.inner.TF_ATTR_TYPE, value });
    return this.inner.executeOp('Cast', [type('SrcT', from), type('DstT', to)], [id], 1)[0]!.id;
  }
}
