export { decodeImage } from './decode.ts';
export * from './everywhere.ts';
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
export { createLoader } from './loader/create-loader.ts';
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
export { type EncodedSource, encodedSource } from './sources/encoded-source.ts';
export { fileSource } from './sources/file-source.ts';
export { isImageFile } from './sources/image-files.ts';
export { selectIdentities } from './sources/select-identities.ts';
export { selectImages } from './sources/select-images.ts';
