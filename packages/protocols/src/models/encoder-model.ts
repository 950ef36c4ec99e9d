import type { Encoder } from '@protomem/core/contracts';
import { foldNorms, loadEncoder } from '@protomem/encoders';
import { loadEngine } from '@protomem/engine';
import * as tf from '@tensorflow/tfjs';
import type { UnwatchedModel } from './embedding-model.ts';

/** An encoder of ours, its norms folded into the convolutions. */
export async function encoderModel(file: string): Promise<UnwatchedModel> {
  const { engine, device } = await loadEngine({});
  const encoder = await inferenceEncoder(file);
  return {
    kind: `protomem, ${engine} (${device})`,
    file,
    inputSize: encoder.card.inputSize,
    embeddingSize: encoder.card.embeddingSize,
    notes: [],
    embed: (pixels, count, flip) => applyTo(encoder, pixels, count, flip),
    dispose: async () => encoder.dispose(),
  };
}

async function inferenceEncoder(file: string): Promise<Encoder> {
  const trained = await loadEncoder(file);
  if (trained.folded) return trained;
  const encoder = foldNorms(trained);
  trained.dispose();
  return encoder;
}

async function applyTo(encoder: Encoder, pixels: Uint8Array, count: number, flip: boolean): Promise<Float32Array> {
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
