import * as tf from '@tensorflow/tfjs';
import { loadEngine } from '@protomem/engine';
import { createPrototypeMemory } from '@protomem/memory';
await loadEngine({ prefer: 'node', threads: 2 });
const M = 200_000, D = 512;
const memory = createPrototypeMemory({ size: M, dimension: D });
for (let i = 0; i < M; i += 2000) { const e = tf.randomNormal([2000, D]) as tf.Tensor2D; memory.admit(e, Array.from({ length: 2000 }, (_, k) => i + k)); e.dispose(); }
let s = 1; const rnd = () => (s = (s * 48271) % 2147483647) / 2147483647;
const batch = () => { const ids = Array.from({ length: 64 }, () => Math.floor(rnd() * M * 1.33)); return Array.from({ length: 256 }, (_, i) => ids[i % 64]!); };
const e = tf.randomNormal([256, D]) as tf.Tensor2D;
for (let i = 0; i < 200; i++) memory.admit(e, batch());
const { backendName } = tf.engine();
let calls = 0;
if (process.env.COUNT) { const n = new Map<string, number>(); for (const k of tf.getKernelsForBackend(backendName)) { const f = k.kernelFunc; (k as any).kernelFunc = (a: any) => { n.set(k.kernelName, (n.get(k.kernelName) ?? 0) + 1); return f(a); }; } memory.admit(e, batch()); console.log([...n].map(([a, b]) => `${a} ${b}`).join(', ')); process.exit(0); }
const ts: number[] = []; for (let i = 0; i < 600; i++) { const b = batch(); const t = performance.now(); memory.admit(e, b); ts.push(performance.now() - t); }
ts.sort((a, b) => a - b); console.log('admit median', ts[300]!.toFixed(3), 'p10', ts[60]!.toFixed(3), 'p90', ts[540]!.toFixed(3));
process.exit(0);
