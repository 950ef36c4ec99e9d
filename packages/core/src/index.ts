export { check, type ErrorParts, integer, number, ProtomemError, show } from './errors.ts';
export type {
  DrawnImage,
  ImageBatch,
  ImageSource,
  Loader,
  PlannedImage,
  Sampler,
  SourceImage,
  SourceSpec,
} from './images.ts';
export type { BatchRequest, LookAlike, MinedClasses, Miner } from './mining.ts';
export {
  type Option,
  type Options,
  type OptionsOf,
  option,
  optionTable,
  type Part,
  type Presence,
  part,
  readOptions,
  type Settings,
} from './option.ts';
export { Random, type RandomState } from './random.ts';
export { currentSpelling, lookUp, nearest } from './registry.ts';
export { decodeSafetensors, encodeSafetensors, type Safetensors, takeTensor } from './safetensors.ts';
export {
  type DtypeArrays,
  type Json,
  joinStates,
  partState,
  type State,
  type Stateful,
  type TensorData,
  type TensorDtype,
} from './state.ts';
