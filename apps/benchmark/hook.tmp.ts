import * as tf from '@tensorflow/tfjs';
const own = new Map<string, [number, number]>();
let stack: number[] = [];
export function install(backend: string) {
  for (const k of tf.getKernelsForBackend(backend)) {
    const f = k.kernelFunc;
    (k as any).kernelFunc = (args: any) => {
      const t = performance.now(); stack.push(0);
      try { return f(args); } finally {
        const d = performance.now() - t; const child = stack.pop()!;
        if (stack.length) stack[stack.length - 1]! += d;
        const e = own.get(k.kernelName) ?? [0, 0]; e[0] += d - child; e[1]++; own.set(k.kernelName, e);
      }
    };
  }
}
export function reset() { own.clear(); }
export function report(steps: number) {
  const all = [...own].sort((a, b) => b[1][0] - a[1][0]);
  console.log('total in kernels ms/step', (all.reduce((s, [, e]) => s + e[0], 0) / steps).toFixed(1));
  for (const [n, [ms, c]] of all.slice(0, 28)) console.log(n.padEnd(40), (ms / steps).toFixed(2).padStart(8), (c / steps).toFixed(0).padStart(6));
}
