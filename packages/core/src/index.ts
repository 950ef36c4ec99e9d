export { decodeWhole, firstLineOf } from './decode-whole.ts';
export { check, type ErrorParts, integer, number, ProtomemError, show } from './errors.ts';
export { endingReason, imageEndings, unreadReasons } from './image-endings.ts';
export type {
  DrawnImage,
  ImageBatch,
  ImageSource,
  Loader,
  PlannedImage,
  ReferenceRequest,
  Sampler,
  SourceImage,
  SourceSpec,
} from './images.ts';
export { joinBytes } from './join-bytes.ts';
export { checkShape, isObject, parseJson, type Shape } from './json.ts';
export { createLimiter } from './limiter.ts';
export { loadWasm } from './load-wasm.ts';
export type { BatchRequest, ImageRequest, LookAlike, MinedClasses, MinedImages, Miner } from './mining.ts';
export {
  flagOf,
  type Option,
  type Options,
  type OptionsOf,
  option,
  optionTable,
  type Part,
  type Presence,
  part,
  pickOptions,
  readOptions,
  refuseTogether,
  type Settings,
} from './option.ts';
export { pairKey } from './pair-key.ts';
export { Random, type RandomState } from './random.ts';
export { currentSpelling, lookUp, nearest } from './registry.ts';
export { Remarks, remarkLines, type SourceRemark } from './remarks.ts';
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
export {
  cellOfName,
  escapeName,
  nameOfCell,
  printable,
  printableLines,
  shellWord,
  tableRow,
  unescapeName,
} from './text.ts';
export { crc32c, type FoundRecord, readTfRecords, tfRecord } from './tf-record.ts';
export { upperBound } from './upper-bound.ts';
