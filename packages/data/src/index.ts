export { blur } from './augment/blur.ts';
export { type Augmentation, type AugmentationOptions, createAugmentation } from './augment/create-augmentation.ts';
export { crop } from './augment/crop.ts';
export { cutout } from './augment/cutout.ts';
export { downscale } from './augment/downscale.ts';
export { flip } from './augment/flip.ts';
export { greyscale } from './augment/greyscale.ts';
export { jpegCompression } from './augment/jpeg-compression.ts';
export type { Pixels } from './augment/pixels.ts';
export { recolour } from './augment/recolour.ts';
export { shift } from './augment/shift.ts';
export { warp } from './augment/warp.ts';
export { decodeImage } from './decode.ts';
export { type DrawnPair, drawPairs } from './draw-pairs.ts';
export { type Comparison, compareSources } from './formats/compare-sources.ts';
export { type DatasetFormatName, datasetFormats } from './formats/dataset-formats.ts';
export type { Progress, WriteOptions } from './formats/each-image.ts';
export { folderSource } from './formats/folder/folder-source.ts';
export { writeFolder } from './formats/folder/write-folder.ts';
export { listColumns } from './formats/list/list-columns.ts';
export { listSource } from './formats/list/list-source.ts';
export { writeList } from './formats/list/write-list.ts';
export { lmdbSource } from './formats/lmdb/lmdb-source.ts';
export { writeLmdb } from './formats/lmdb/write-lmdb.ts';
export { isFlatFolder, type OpenOptions, openDataset, openImages, openOptions } from './formats/open-dataset.ts';
export { readTorchPickle, type TorchRecord } from './formats/pickle/torch-pickle.ts';
export { recordIoSource } from './formats/record-io/record-io-source.ts';
export { writeRecordIo } from './formats/record-io/write-record-io.ts';
export { type ImagePlace, type Survey, surveyImages } from './formats/survey.ts';
export { readVerificationBin, type VerificationBin } from './formats/verification-bin/verification-bin.ts';
export { type VerificationPair, writeVerificationBin } from './formats/verification-bin/write-verification-bin.ts';
export { webDatasetSource } from './formats/web-dataset/web-dataset-source.ts';
export { writeWebDataset } from './formats/web-dataset/write-web-dataset.ts';
export { writeDataset } from './formats/write-dataset.ts';
export { decodeFiles, loadImages } from './load-images.ts';
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
export { type FacePair, type PairList, readLfwPairs } from './protocols/lfw-pairs.ts';
export { type MegaFaceList, noisyRows, pathEnds, readMegaFaceList, readMegaFaceNoises } from './protocols/megaface.ts';
export { readTwoLinePairs } from './protocols/two-line-pairs.ts';
export { classesByImages } from './samplers/classes-by-images.ts';
export { everyImage } from './samplers/every-image.ts';
export type { CountedSource } from './samplers/few-images.ts';
export { groupIterateAndShuffle } from './samplers/group-iterate-and-shuffle.ts';
export { permutation } from './samplers/permutation.ts';
export { createSampler, type SamplerName, samplers } from './samplers/samplers.ts';
export { shard } from './samplers/shard.ts';
export { weightedClasses } from './samplers/weighted-classes.ts';
export { type EncodedSource, encodedSource } from './sources/encoded-source.ts';
export { fileSource } from './sources/file-source.ts';
export { countImages, type ImageCounts } from './sources/image-counts.ts';
export { isImageFile } from './sources/image-files.ts';
export { selectIdentities, tooFewImages } from './sources/selection.ts';
