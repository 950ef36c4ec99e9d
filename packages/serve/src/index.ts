export { batchEmbeddings } from './batch-embeddings.ts';
export { type ServeOptions, serveOptions } from './options.ts';
export { type FaceServer, serve } from './serve.ts';
