export {
  type EnrolImagesOptions,
  type EnrolledImages,
  enrolImages,
  enrolImagesOptions,
  faceToEnrol,
  imageName,
} from './enrol-images.ts';
export { checkGalleryThere, fileStorage, isGalleryFile } from './file-storage.ts';
export {
  type EmbeddedFaces,
  embedFaces,
  type FindFacesOptions,
  type FoundFace,
  findFaces,
  findFacesOptions,
} from './find-faces.ts';
export { openPeople, type People } from './open-people.ts';
export { readCalibration } from './read-calibration.ts';
