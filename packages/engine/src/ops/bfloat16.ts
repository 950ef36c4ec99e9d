import { check } from '@protomem/core';
import * as tf from '@tensorflow/tfjs';
import { type Attributes, execute } from '../backends/tensorflow/execute.ts';

/**
 * Rounds rows to bfloat16 (8 bits of exponent, 7 of mantissa; to nearest, ties to even) and packs two values into each
 * float32, which is then only a container: its value means nothing. tfjs has no 16-bit type; containers can be stored,
 * gathered, sliced and written like any tensor.
 *
 * @param x `[n, D]`, float32, D even; stays the caller's
 * @returns `[n, D / 2]`; the caller's. Not differentiable.
 * @throws ProtomemError on an engine other than TensorFlow's own (`node`, `node-gpu`), or when D is odd
 */
export function packBfloat16(x: tf.Tensor2D): tf.Tensor2D {
  checkBackend('packBfloat16');
  const [rows, width] = x.shape;
  check(width % 2 === 0, () => ({ where: 'packBfloat16', what: 'row width', got: width, expected: 'an even number' }));
  return tf.tidy(() => {
    const bits = run('Bitcast', [x], { T: FLOAT, type: INT });
    const even = run('BitwiseAnd', [run('RightShift', [bits, int(16)]), int(1)]);
    const rounded = run('AddV2', [bits, run('AddV2', [even, int(0x7fff)])]);
    const half = (from: number): tf.Tensor => tf.slice(rounded as tf.Tensor2D, [0, from], [rows, width / 2]);
    const low = run('BitwiseAnd', [run('RightShift', [half(0), int(16)]), int(0xffff)]);
    const packed = run('BitwiseOr', [low, run('BitwiseAnd', [half(width / 2), int(0xffff0000 | 0)])]);
    return run('Bitcast', [packed], { T: INT, type: FLOAT }) as tf.Tensor2D;
  });
}

/** The float32 values of rows that {@link packBfloat16} packed: `[n, D / 2]` to `[n, D]`; the caller's. */
export function unpackBfloat16(packed: tf.Tensor2D): tf.Tensor2D {
  checkBackend('unpackBfloat16');
  return tf.tidy(() => {
    const bits = run('Bitcast', [packed], { T: FLOAT, type: INT });
    const low = run('LeftShift', [bits, int(16)]);
    const high = run('BitwiseAnd', [bits, int(0xffff0000 | 0)]);
    return run('Bitcast', [tf.concat([low, high], 1)], { T: INT, type: FLOAT }) as tf.Tensor2D;
  });
}

const INT = ['TYPE', 'INT32'] as const;
const FLOAT = ['TYPE', 'FLOAT'] as const;

function run(op: string, inputs: tf.Tensor[], attributes: Attributes = { T: INT }): tf.Tensor {
  return execute(tf.backend(), op, inputs, attributes)[0];
}

function int(value: number): tf.Scalar {
  return tf.scalar(value, 'int32');
}

function checkBackend(where: string): void {
  check(tf.getBackend() === 'tensorflow', () => ({
    where,
    what: 'engine',
    got: tf.getBackend(),
    expected: 'tensorflow (engine node or node-gpu), which can work on bits',
    fix: 'Use float32 storage on this engine.',
  }));
}
