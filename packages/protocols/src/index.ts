export { binFaces } from './bin-faces.ts';
export { type Embedder, type Faces, type OnProgress, openEmbedder } from './embed-faces.ts';
export { type EmbedImagesOptions, embedImages } from './embed-images.ts';
export {
  type EvaluateModelOptions,
  type Evaluation,
  evaluateModel,
  evaluateOptions,
  type Task,
  testByProtocol,
} from './evaluate-model.ts';
export { listFaces, type PairFaces } from './list-faces.ts';
export { type EmbeddingModel, normalizeRows } from './models/embedding-model.ts';
export { embedPixels } from './models/encoder-model.ts';
export { type Pixels, pixelsFor } from './models/foreign-model.ts';
export { type InputNormalization, inputNormalization } from './models/input-normalization.ts';
export { type ModelOptions, modelOptions } from './models/model-options.ts';
export { readOnnxGraph } from './models/onnx-graph.ts';
export { openModel } from './models/open-model.ts';
export type { IdentificationOutcome, MegaFaceOutcome, Outcome, PairOutcome, RetrievalOutcome } from './outcome.ts';
export { type Protocol, type ProtocolOptions, protocolOptions } from './protocol.ts';
export { scorePairFaces } from './protocols/pair-lists.ts';
export { protocols } from './protocols.ts';
export { type PairSummary, type RocBand, summarizePairs } from './summarize.ts';
export { tensorProduct } from './tensor-product.ts';
