import { existsSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { decodeSafetensors, type ImageSource, ProtomemError } from '@protomem/core';
import { countImages, openDataset } from '@protomem/data';
import { readRunConfig, runFolder } from '@protomem/recipes';
import { listCheckpoints } from '@protomem/training';

/** Tells what a path holds: a run folder, a safetensors file, or a data set. */
export async function inspect(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (!found) {
    throw new ProtomemError({ where: 'inspect', what: path, got: 'missing', expected: 'a file or folder' });
  }
  if (found.isFile() && path.endsWith('.safetensors')) await inspectFile(path);
  else if (existsSync(runFolder(path).config)) await inspectRun(path);
  else inspectImages(await openDataset(path));
}

async function inspectFile(path: string): Promise<void> {
  const { tensors, metadata } = decodeSafetensors(await readFile(path), path);
  for (const [key, value] of Object.entries(metadata)) {
    console.log(`${key}: ${value.length > 200 ? `${value.slice(0, 197)}...` : value}`);
  }
  let bytes = 0;
  for (const [name, { dtype, shape, data }] of Object.entries(tensors)) {
    bytes += data.byteLength;
    console.log(`${dtype} ${JSON.stringify(shape).padEnd(18)} ${name}`);
  }
  console.log(`${Object.keys(tensors).length} tensors, ${(bytes / 2 ** 20).toFixed(1)} MiB`);
}

async function inspectRun(path: string): Promise<void> {
  const folder = runFolder(path);
  const config = await readRunConfig(path, undefined, { set: [] });
  const checkpoints = await listCheckpoints(folder.checkpoints);
  console.log(`recipe ${config.recipe}, ${config.steps} steps, head ${config.head.kind}, seed ${config.seed}`);
  console.log(checkpoints.length > 0 ? `checkpoints: ${checkpoints.join(', ')}` : 'no checkpoint yet');
  for (const file of [folder.encoder, folder.metrics, folder.report]) {
    console.log(`${existsSync(file) ? 'has' : 'no'} ${file}`);
  }
  if (!existsSync(folder.report)) {
    console.log(`go on with: npm run train -- ${config.recipe} --out ${path} --resume`);
  }
}

function inspectImages(source: ImageSource): void {
  const { identities, images, histogram } = countImages(source);
  console.log(`${identities} identities, ${images} images`);
  for (const bin of histogram) console.log(`${bin.images.padStart(12)} images: ${bin.identities} identities`);
  console.log('more with: npm run data -- inspect');
}
