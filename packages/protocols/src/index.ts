export { binFaces } from './bin-faces.ts';
export { type Embedder, type Faces, type OnProgress, openEmbedder } from './embed-faces.ts';
export { type EmbedImagesOptions, embedImages } from './embed-images.ts';
export {
  type EvaluateModelOptions,
  type Evaluation,
  evaluateModel,
  type Task,
  testByProtocol,
} from './evaluate-model.ts';
export { listFaces, type PairFaces } from './list-faces.ts';
export { type EmbeddingModel, normalizeRows, type PixelScale } from './models/embedding-model.ts';
export { openModel } from './models/open-model.ts';
export type { IdentificationOutcome, MegaFaceOutcome, Outcome, PairOutcome, RetrievalOutcome } from './outcome.ts';
export { type Protocol, type ProtocolOptions, protocols, scorePairFaces } from './protocols.ts';
export { type PairSummary, type RocBand, summarizePairs } from './summarize.ts';
export { tensorProduct } from './tensor-product.ts';
