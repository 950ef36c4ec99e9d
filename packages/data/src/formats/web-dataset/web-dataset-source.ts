import { type ImageSource, type OptionsOf, option, readOptions } from '@protomem/core';
import { openReader } from '../byte-reader.ts';
import { packedSource } from '../packed-source.ts';
import { indexPath, readIndex, saveIndex } from './index-file.ts';
import { indexShards } from './index-shards.ts';
import { shardsAt } from './shard-paths.ts';

/** @internal */
export const webDatasetOptions = {
  /**
   * An ending such as `cls` or `id.txt`; `json`, for its key `label` and the name in `identity`; `json.person` for another
   * key of it; or `.` for the folder in the archive.
   */
  identity: option.text({
    help: 'Field that says who is on an image.',
    absent: '`cls`, else `json`, else `txt`, with names from `identity` in `json`; without any, the folder',
  }),
  /** As `shards.index` in a folder, else with `.index` behind the path. */
  saveIndex: option.flag({ help: 'Saves the index beside the shards.', default: false }),
};

/**
 * The images of a WebDataset: tar archives in which files that follow each other and have the same name up to the first
 * dot form a sample; where none of these is an image by that rule, as with `J.Doe_0001.jpg`, up to the last dot of an
 * image. Images are read at random, so that batches of identities can be made of shards in any order.
 *
 * Identities are ordered by label where all labels are numbers, else by name in natural order; images of one as they lie
 * in the shards. So neither depends on how the shards were shuffled, but for the order within an identity. What
 * {@link writeWebDataset} wrote has the order of its source.
 *
 * Reads the headers and labels of all shards once: about as long as reading the files through. A saved index of the same
 * shards (names, sizes, times of change) and option `identity` is taken instead. Where no sample has a label, the folder of
 * an image says who it is. Samples without image, hidden names and further images of a sample are passed over; `remarks`
 * count them. Images without label among others with one, links, sparse and compressed files are refused.
 *
 * @param path a .tar file, a folder of them (in natural order), or a pattern such as `faces-{000000..000127}.tar`.
 * @throws {ProtomemError} with shard and offset when an archive is damaged or cut short, or an image has no label.
 *
 * @example
 * ```ts
 * const source = await webDatasetSource('shards', { saveIndex: true });
 * const { bytes } = await source.load(0, 0);
 * ```
 *
 * Source: the WebDataset format, github.com/webdataset/webdataset.
 */
export async function webDatasetSource(
  path: string,
  options: OptionsOf<typeof webDatasetOptions> = {},
): Promise<ImageSource> {
  const where = 'webDatasetSource';
  const { identity, saveIndex: save } = readOptions(where, webDatasetOptions, options);
  const shards = await shardsAt(where, path);
  const file = await indexPath(path);
  const saved = await readIndex(file, path, shards, identity);
  if (saved) return packedSource(saved);
  const files = shards.map((shard) => ({ path: shard.path, open: () => openReader(shard.path) }));
  const index = await indexShards(path, files, identity);
  if (save) await saveIndex(file, index, shards, identity);
  return packedSource(index);
}
