import { oldestDriver } from '@protomem/engine/installs';

/** What TensorFlow writes to its log when a GPU cannot be used, and what to do; the first that fits is the cause. */
const causes: readonly (readonly [sign: RegExp, advice: (match: RegExpExecArray) => string])[] = [
  [
    /driver version is insufficient|CUDA_ERROR_SYSTEM_DRIVER_MISMATCH|does not match DSO version|CUDA_ERROR_COMPAT_NOT_SUPPORTED/,
    () =>
      `the NVIDIA driver is too old, or was updated without a restart: install ${oldestDriver} or newer and restart`,
  ],
  [
    /Could not load dynamic library '([^']+)'/,
    ([, library]) =>
      `${library} is missing: another CUDA than this TensorFlow is built for; run protomem-engine install --gpu`,
  ],
  [
    /Cannot dlopen some GPU libraries/,
    () => 'CUDA libraries are missing or of another version: run protomem-engine install --gpu --force',
  ],
  [
    /Cannot load any more object with static TLS|libcu\w{1,40}\.so[.\d]{0,40}: cannot open shared object file/,
    ([found]) => `${found}: run protomem-engine install --gpu --force`,
  ],
  [
    /CUDA_ERROR_OUT_OF_MEMORY|failed to allocate .{0,200} from device|OOM when allocating|RESOURCE_EXHAUSTED/,
    () =>
      "the GPU's memory is full: nvidia-smi shows who uses it; else make the batch smaller (createTrainer's encoderBatch " +
      'keeps it), or set TF_FORCE_GPU_ALLOW_GROWTH=true',
  ],
  [
    /CUDA_ERROR_NO_DEVICE|no CUDA-capable device/,
    () => 'the driver shows no GPU to this process: check nvidia-smi and CUDA_VISIBLE_DEVICES',
  ],
  [
    /Could not find cuda drivers|failed call to cuInit|libcuda\.so[.\d]* ?: cannot open/,
    () => 'no NVIDIA driver answers: check nvidia-smi; in a container, pass the GPU and its driver through',
  ],
  [
    /no kernel image is available|compute capability|CUDA_ERROR_NO_BINARY_FOR_GPU/,
    () => 'this TensorFlow has no code for a GPU of this age: use another GPU, or a TensorFlow built for it (--from)',
  ],
];

/** Why a GPU cannot be used and what to do, out of TensorFlow's log or an error of it; undefined where neither tells. */
export function diagnoseGpu(text: string): string | undefined {
  for (const [sign, advice] of causes) {
    const match = sign.exec(text);
    if (match) return advice(match);
  }
  return undefined;
}
