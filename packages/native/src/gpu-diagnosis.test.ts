import { expect, it } from 'vitest';
import { diagnoseGpu } from './gpu-diagnosis.ts';

// Lines as TensorFlow 2.9 to 2.21 write them.
it.each([
  [
    "W tsl/dso_loader.cc:64] Could not load dynamic library 'libcudart.so.11.0'; dlerror: libcudart.so.11.0: cannot open shared object file",
    /libcudart\.so\.11\.0 is missing: another CUDA/,
  ],
  [
    'W gpu_device.cc:2348] Cannot dlopen some GPU libraries. Please make sure the missing libraries mentioned above are installed properly',
    /missing or of another version/,
  ],
  ['E cuda_dnn.cc] CUDA driver version is insufficient for CUDA runtime version', /too old/],
  [
    'E cuda_diagnostics.cc:313] kernel version 470.161.3 does not match DSO version 525.85.12 -- cannot find working devices in this configuration',
    /too old, or was updated without a restart/,
  ],
  [
    'I external/local_xla/xla/tsl/cuda/cudart_stub.cc:31] Could not find cuda drivers on your machine, GPU will not be used.',
    /no NVIDIA driver answers/,
  ],
  [
    'E cuda_platform.cc:51] failed call to cuInit: INTERNAL: CUDA error: Failed call to cuInit: UNKNOWN ERROR (303)',
    /no NVIDIA driver answers/,
  ],
  ['failed call to cuInit: CUDA_ERROR_NO_DEVICE: no CUDA-capable device is detected', /shows no GPU/],
  ['failed to allocate 74.31GiB (79786475520 bytes) from device: CUDA_ERROR_OUT_OF_MEMORY: out of memory', /full/],
  ['OOM when allocating tensor with shape[128,112,112,64] and type float on /device:GPU:0', /encoderBatch/],
  ['E] CUDA error: no kernel image is available for execution on the device', /no code for a GPU of this age/],
])('explains %s', (line, advice) => {
  expect(diagnoseGpu(`I some other line\n${line}\n`)).toMatch(advice);
});

it('explains nothing where the log tells nothing', () => {
  expect(diagnoseGpu('I tensorflow/core/platform/cpu_feature_guard.cc:210] optimized')).toBeUndefined();
});
