export { blur } from './augment/blur.ts';
export { type Augmentation, type AugmentationOptions, createAugmentation } from './augment/create-augmentation.ts';
export { crop } from './augment/crop.ts';
export { cutout, type Rectangle } from './augment/cutout.ts';
export { downscale } from './augment/downscale.ts';
export { flip } from './augment/flip.ts';
export { greyscale } from './augment/greyscale.ts';
export { jpegLoss } from './augment/jpeg-loss.ts';
export type { Pixels } from './augment/pixels.ts';
export { type Recolour, recolour } from './augment/recolour.ts';
export type { Region } from './augment/resize.ts';
export { shift } from './augment/shift.ts';
export { type Warp, warp } from './augment/warp.ts';
export { type DecodeOptions, decodeImage } from './decode.ts';
export { type DrawnPair, type DrawPairsOptions, drawPairs } from './draw-pairs.ts';
export { type Comparison, compareSources } from './formats/compare-sources.ts';
export type { Progress, WriteOptions } from './formats/each-image.ts';
export type { ListColumns } from './formats/list/list-columns.ts';
export { type ListOptions, listSource } from './formats/list/list-source.ts';
export { writeList } from './formats/list/write-list.ts';
export { lmdbSource } from './formats/lmdb/lmdb-source.ts';
export { writeLmdb } from './formats/lmdb/write-lmdb.ts';
export { type DatasetFormatName, openDataset } from './formats/open-dataset.ts';
export { recordIoSource } from './formats/record-io/record-io-source.ts';
export { type RecordIoOptions, writeRecordIo } from './formats/record-io/write-record-io.ts';
export { type BrokenImage, type ImagePlace, type Survey, type SurveyOptions, surveyImages } from './formats/survey.ts';
export { readVerificationBin, type VerificationBin } from './formats/verification-bin/verification-bin.ts';
export { type VerificationPair, writeVerificationBin } from './formats/verification-bin/write-verification-bin.ts';
export { type WebDatasetOptions, webDatasetSource } from './formats/web-dataset/web-dataset-source.ts';
export { type WebDatasetWriteOptions, writeWebDataset } from './formats/web-dataset/write-web-dataset.ts';
export { type WritableFormatName, writableFormats, writeDataset } from './formats/write-dataset.ts';
export { writeFolder } from './formats/write-folder.ts';
export { decodeFiles, type LoadOptions, loadImages } from './load-images.ts';
export { createLoader, type LoaderOptions } from './loader/create-loader.ts';
export { type NpyArray, npyHeader, readNpy } from './npy.ts';
export { type CfpProtocol, readCfpPairs } from './protocols/cfp-pairs.ts';
export {
  type IjbFaces,
  type IjbMembers,
  type IjbPairs,
  type IjbSubjects,
  readIjbFaces,
  readIjbMembers,
  readIjbPairs,
  readIjbSubjects,
} from './protocols/ijb.ts';
export { type FacePair, type PairList, parseLfwPairs, readLfwPairs } from './protocols/lfw-pairs.ts';
export { type MegaFaceList, noisyRows, readMegaFaceList, readMegaFaceNoises } from './protocols/megaface.ts';
export { parseTwoLinePairs, readTwoLinePairs } from './protocols/two-line-pairs.ts';
export { classesByImages } from './samplers/classes-by-images.ts';
export { everyImage } from './samplers/every-image.ts';
export type { CountedSource, FewImages } from './samplers/few-images.ts';
export { type GroupOptions, groupIterateAndShuffle } from './samplers/group-iterate-and-shuffle.ts';
export type { ClassesByImagesOptions } from './samplers/identity-sampler.ts';
export { permutation } from './samplers/permutation.ts';
export { type PlannedOptions, plannedClasses } from './samplers/planned-classes.ts';
export type { PortionOptions } from './samplers/portion-sampler.ts';
export { type Shard, shard } from './samplers/shard.ts';
export { type WeightedOptions, weightedClasses } from './samplers/weighted-classes.ts';
export { fileSource } from './sources/file-source.ts';
export { folderSource } from './sources/folder-source.ts';
export { countImages, type ImageCounts } from './sources/image-counts.ts';
export { imageExtensions } from './sources/image-files.ts';
export { type SelectionOptions, selectIdentities } from './sources/selection.ts';
