import * as tf from '@tensorflow/tfjs';
import { loadEngine } from '@protomem/engine';
const threads = Number(process.argv[2] ?? 1);
const B = Number(process.argv[3] ?? 64);
await loadEngine({ prefer: 'wasm', threads });
const time = (f: () => tf.Tensor) => { const ts: number[] = []; for (let i = 0; i < 12; i++) { const t = performance.now(); f().dispose(); ts.push(performance.now() - t); } ts.sort((a, b) => a - b); return ts[4]!; };
for (const [s, c, d, k, st] of [[48, 3, 16, 3, 1], [48, 16, 16, 3, 1], [48, 16, 16, 3, 2], [24, 16, 16, 3, 1], [12, 32, 32, 3, 1], [6, 64, 64, 3, 1], [3, 128, 128, 3, 1], [56, 64, 64, 3, 1],[28,128,128,3,1],[56,64,128,3,2],[56,64,128,1,1]] as const) {
  const b = s > 48 ? 8 : B;
  const x = tf.randomNormal([b, s, s, c]) as tf.Tensor4D, w = tf.randomNormal([k, k, c, d]) as tf.Tensor4D;
  const y = tf.conv2d(x, w, st, 'same'); const dy = tf.randomNormal(y.shape) as tf.Tensor4D;
  const mac = y.size * k * k * c;
  const attrs = { strides: [st, st], pad: 'same', dataFormat: 'NHWC', dilations: [1, 1] };
  const f = time(() => tf.conv2d(x, w, st, 'same'));
  const i = time(() => tf.engine().runKernel('Conv2DBackpropInput', { dy, filter: w }, { ...attrs, inputShape: x.shape } as any) as tf.Tensor);
  const g = time(() => tf.engine().runKernel('Conv2DBackpropFilter', { x, dy }, { ...attrs, filterShape: w.shape } as any) as tf.Tensor);
  console.log(`${s} ${c}->${d} ${k}x${k}/${st}`.padEnd(20), (mac / 1e6).toFixed(0).padStart(6), 'M', [f, i, g].map((t) => `${t.toFixed(2)} ms ${(mac / t / 1e6).toFixed(1)}`.padStart(18)).join(''));
}
process.exit(0);
