import type { Kernel } from '../../kernels/training-kernels.ts';
import { type WebgpuProgram, webgpu } from './backend.ts';

const WORKGROUP = 64;

/**
 * Arc cosine to float32's precision. WGSL asks of its own only an error below 7e-5, and gets 1.6e-4 on a software adapter:
 * with a scale of 64 a logit would be off by 0.01.
 *
 * `acos(x) = pi/2 - asin(x)` for `|x| <= 1/2`; beyond `acos(|x|) = 2 asin(sqrt((1 - |x|) / 2))`.
 *
 * Source: S. Moshier, Cephes Mathematical Library, asinf.
 */
export const acos: Kernel = (inputs, _, backend) => {
  const x = inputs.x!;
  const program: WebgpuProgram = {
    variableNames: ['A'],
    outputShape: x.shape,
    workgroupSize: [WORKGROUP, 1, 1],
    dispatchLayout: { x: [...x.shape.keys()] },
    dispatch: [Math.ceil(x.size / WORKGROUP), 1, 1],
    size: true,
    shaderKey: 'protomem.acos',
    getUserCode: () => shader,
  };
  return webgpu(backend).runWebGPUProgram(program, [x], 'float32');
};

const shader = `
fn acosOf(x : f32) -> f32 {
  let a = abs(x);
  let far = a > 0.5;
  let z = select(a * a, 0.5 * (1.0 - a), far);
  let s = select(a, sqrt(z), far);
  let tail = (((0.042163199048 * z + 0.024181311049) * z + 0.045470025998) * z + 0.074953002686) * z + 0.16666752422;
  let asinOfS = s + s * z * tail;
  let acosOfA = select(1.5707963267948966 - asinOfS, 2.0 * asinOfS, far);
  return select(acosOfA, 3.141592653589793 - acosOfA, x < 0.0);
}
fn main(index : i32) {
  if (index < uniforms.size) {
    setOutputAtIndex(index, acosOf(getAByOutputIndex(index)));
  }
}
`;
