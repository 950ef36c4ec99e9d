import { existsSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { decodeSafetensors, ProtomemError } from '@protomem/core';
import { folderSource } from '@protomem/data';
import { listCheckpoints } from '@protomem/training';
import { readRunConfig, runFolder } from './run-folder.ts';

/** Tells what a path holds: a run folder, a safetensors file, or a folder of identities. */
export async function inspect(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (!found) {
    throw new ProtomemError({ where: 'inspect', what: path, got: 'missing', expected: 'a file or folder' });
  }
  if (found.isFile()) await inspectFile(path);
  else if (existsSync(runFolder(path).config)) await inspectRun(path);
  else inspectImages(await folderSource(path));
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

function inspectImages(source: Awaited<ReturnType<typeof folderSource>>): void {
  const histogram = new Map<string, number>();
  let images = 0;
  for (let identity = 0; identity < source.identities; identity++) {
    const count = source.imagesOf(identity);
    images += count;
    const bin = count < 5 ? String(count) : count < 10 ? '5-9' : count < 50 ? '10-49' : '50 and more';
    histogram.set(bin, (histogram.get(bin) ?? 0) + 1);
  }
  console.log(`${source.identities} identities, ${images} images`);
  for (const bin of ['1', '2', '3', '4', '5-9', '10-49', '50 and more']) {
    if (histogram.has(bin)) console.log(`${bin.padStart(12)} images: ${histogram.get(bin)} identities`);
  }
}
