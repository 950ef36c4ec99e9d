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
export {
  type Candidate,
  type Enrolled,
  type Enrolment,
  type Gallery,
  type GalleryOptions,
  galleryOptions,
  type Identified,
  type IdentifyOptions,
  identifyOptions,
  openGallery,
  type Person,
} from './gallery.ts';
export { type GalleryStorage, memoryStorage } from './storage.ts';
