export { type AlignedFace, alignFaces } from './align-faces.ts';
export {
  type AlignFolderOptions,
  type AlignmentSummary,
  type AlignProgress,
  alignFolder,
  alignFolderOptions,
} from './align-folder.ts';
export { type AlignedPhoto, alignPhoto } from './align-photo.ts';
export type { Detect, DetectedFace } from './detect.ts';
export { detectorFromModule } from './detector-module.ts';
export { faceSharpness } from './face-sharpness.ts';
export { humanDetector } from './human-detector.ts';
export { landmarksFromFile, parseLandmarks } from './landmarks-file.ts';
export { readPhoto, writers as photoWriters } from './photo.ts';
export type { AlignmentRecord, AlignmentSettings } from './record.ts';
export {
  estimateSimilarity,
  fitError,
  invertSimilarity,
  type Point,
  type Similarity,
  transformPoint,
} from './similarity.ts';
export { arcFaceTemplate, type FaceTransform, faceTransform, type Landmarks } from './template.ts';
export { type Photo, warpPhoto } from './warp.ts';
