import type { Encoder } from '@protomem/core/contracts';
import { encoderFingerprint, foldNorms, loadEncoder } from '@protomem/encoders';
import * as tf from '@tensorflow/tfjs';
import type { UnwatchedModel } from './embedding-model.ts';
import { engineInWords } from './engine-in-words.ts';

/** An encoder of ours, its norms folded into the convolutions. */
export async function encoderModel(file: string): Promise<UnwatchedModel> {
  const engine = await engineInWords();
  const trained = await loadEncoder(file);
  const fingerprint = await encoderFingerprint(trained);
  const encoder = trained.folded ? trained : foldNorms(trained);
  if (encoder !== trained) trained.dispose();
  return {
    kind: `protomem, ${engine}`,
    file,
    fingerprint,
    inputSize: encoder.card.inputSize,
    embeddingSize: encoder.card.embeddingSize,
    notes: [],
    embed: (pixels, count, flip) => embedPixels(encoder, pixels, count, flip),
    dispose: async () => encoder.dispose(),
  };
}

/** @internal Embeddings `[count, D]` of pixels `[count, H, W, 3]`, each with its mirror image's added where `flip` says so. */
export async function embedPixels(
  encoder: Pick<Encoder, 'apply' | 'card'>,
  pixels: Uint8Array,
  count: number,
  flip: boolean,
): Promise<Float32Array> {
  const sum = tf.tidy(() => {
    const images = tf.tensor4d(pixels, [count, ...encoder.card.inputSize, 3], 'float32');
    const straight = encoder.apply(images);
    return flip ? tf.add(straight, encoder.apply(tf.reverse(images, 2))) : straight;
  });
  try {
    return await sum.data<'float32'>();
  } finally {
    sum.dispose();
  }
}
