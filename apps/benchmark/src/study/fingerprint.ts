import { openDataset } from '@protomem/data';
import { knownIdentities } from '@protomem/training';

/** Stands for a data set wherever it lies: names of its identities and numbers of their images. */
export async function fingerprintOf(path: string): Promise<string> {
  const { mark } = knownIdentities(await openDataset(path), '');
  return JSON.stringify(mark());
}
