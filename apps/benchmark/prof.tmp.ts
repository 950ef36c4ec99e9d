import * as tf from '@tensorflow/tfjs';
import { loadEngine, variableGradients } from '@protomem/engine';
import { Random } from '@protomem/core';
import { createEncoder } from '@protomem/encoders';
import { clipByGlobalNorm, globalNorm, sgd } from '@protomem/training';
import { install, report, reset } from './hook.tmp.ts';
const threads = Number(process.argv[2] ?? 2), name = process.argv[3] ?? 'iresnet18', size = Number(process.argv[4] ?? 48), width = Number(process.argv[5] ?? 0.25), B = Number(process.argv[6] ?? 64), D = Number(process.argv[7] ?? 128);
const info = await loadEngine({ prefer: (process.env.ENGINE ?? 'wasm') as any, threads }); console.log(info.backend, info.threads);
const encoder = createEncoder(name as any, { embeddingSize: D, inputSize: size, ...(width !== 1 && { width }) } as any);
const random = new Random(0);
const noise = (...shape: number[]) => Float32Array.from({ length: shape.reduce((a, b) => a * b) }, () => random.normal());
const images = tf.tensor4d(noise(B, size, size, 3), [B, size, size, 3]);
const targets = tf.tensor2d(noise(B, D), [B, D]);
const trainable = encoder.parameters.filter((p: any) => p.trainable);
const optimizer = sgd();
const trainStep = async () => {
  const { value, grads } = variableGradients(() => tf.mean(tf.squaredDifference(encoder.apply(images, { training: true }), targets)) as tf.Scalar, trainable.map((p: any) => p.variable));
  const gradients = Object.fromEntries(trainable.map(({ name, variable }: any) => [name, grads[variable.name]!]));
  const norm = globalNorm(gradients);
  const [n] = await norm.data();
  tf.tidy(() => optimizer.step(trainable, clipByGlobalNorm(gradients, n!, 5), 1e-3));
  await tf.tidy(() => tf.sum(trainable[0]!.variable)).data();
  tf.dispose([value, norm, gradients]);
};
const forward = async () => { const e = encoder.apply(images); await e.data(); e.dispose(); };
for (const [what, f] of [['train', trainStep], ['forward', forward]] as const) {
  await f(); await f();
  const ts: number[] = []; for (let i = 0; i < 7; i++) { const t = performance.now(); await f(); ts.push(performance.now() - t); }
  ts.sort((a, b) => a - b); console.log(what, 'median', ts[3]!.toFixed(0), 'ms  min', ts[0]!.toFixed(0));
  if (process.env.PROFILE) { if (what === 'train') install(tf.getBackend()); reset(); for (let i = 0; i < 3; i++) await f(); report(3); }
}
process.exit(0);
