import { join } from 'node:path';
import { cacheFolder, installName } from '@protomem/engine/installs';
import { existing, type InstallOptions } from './install.ts';
import { resolveWheels } from './pip.ts';
import { checkPlatform, findTools, neededBytes, packageOf, pinnedTensorflow, requirementOf } from './requirements.ts';
import { findTfjsNode } from './tfjs-node.ts';

/**
 * What `installEngine` would do, in lines for people: exact wheels with their hashes, where they go, the compiler.
 * Asks pip for the wheels' metadata and downloads no wheel.
 *
 * @param options.signal ends it early, and so pip
 * @throws ProtomemError when a tool or the folder is missing, or pip finds no such wheels
 */
export async function planInstall({
  gpu = false,
  from,
  signal,
}: Pick<InstallOptions, 'gpu' | 'from' | 'signal'>): Promise<string[]> {
  const name = packageOf(gpu);
  const found = findTfjsNode(gpu);
  checkPlatform();
  const { compiler, python } = await findTools(from === undefined);
  const source =
    from === undefined
      ? await resolveWheels(python, requirementOf(gpu), gpu, signal)
      : [`folder ${await existing(from)}`];
  const folder = found ? join(cacheFolder(), installName(found, pinnedTensorflow)) : cacheFolder();
  return [
    `package   ${found ? `${name} ${found.version}` : `${name}: not installed; npm install ${name} first`}`,
    ...source.map((line, i) => `${i === 0 ? 'libraries' : '         '} ${line}`),
    `compiler  ${compiler}`,
    `into      ${folder}`,
    ...(gpu && from === undefined
      ? [`CUDA      ${join(folder, 'nvidia')}, where TensorFlow looks for it by itself`]
      : []),
    `space     ${neededBytes(gpu) / 1e9} GB while it is made`,
  ];
}
