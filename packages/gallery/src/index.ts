export {
  type Answer,
  type Calibration,
  type CalibrationPoint,
  calibrationFromReport,
  calibrationFromScores,
  type Threshold,
  type Thresholds,
  thresholdLines,
} from './calibration.ts';
export type { ModelIdentity } from './format.ts';
export type { Candidate, Enrolled, Enrolment, Gallery, Identified, Person } from './gallery.ts';
export { type GalleryOptions, galleryOptions, type IdentifyOptions, identifyOptions } from './gallery-options.ts';
export { indexedDbStorage } from './indexed-db-storage.ts';
export { openGallery } from './open-gallery.ts';
export { type GalleryStorage, memoryStorage } from './storage.ts';
