import { engineInUse } from '@protomem/engine';
import type { MatrixProduct } from '@protomem/evaluation';
import * as tf from '@tensorflow/tfjs';

/** Dot products by the engine in use: all cores. */
export const tensorProduct: MatrixProduct = async (a, b, width) => {
  // Embeddings may have come from elsewhere: no engine need be there yet.
  await engineInUse();
  const product = tf.tidy(() =>
    tf.matMul(tf.tensor2d(a, [a.length / width, width]), tf.tensor2d(b, [b.length / width, width]), false, true),
  );
  try {
    return await product.data<'float32'>();
  } finally {
    product.dispose();
  }
};
