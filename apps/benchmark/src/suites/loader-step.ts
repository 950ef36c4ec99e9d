// One contender of the suite `loader`: our loader over a folder, nothing else going on.
import { classesByImages, createAugmentation, createLoader, folderSource } from '@protomem/data';
import { serve } from '../serve.ts';

const [dir, batchText, batchesText, workersText] = process.argv.slice(2) as [string, string, string, string];
const [batch, batches, workers] = [Number(batchText), Number(batchesText), Number(workersText)];
const prefetch = 4;
const source = await folderSource(dir);
const loader = createLoader({
  source,
  sampler: classesByImages({ source, classes: batch / 2, images: 2 }),
  height: 112,
  width: 112,
  augmentation: createAugmentation({ shift: 4 / 112, brightness: 0.2, contrast: 0.2, saturation: 0.2 }),
  workers,
  prefetch,
});
let cpuMs = 0;

async function step(): Promise<number> {
  // Those that lie ready from before.
  for (let i = 0; i <= prefetch; i++) await loader.next();
  const cpu = process.cpuUsage();
  const begun = performance.now();
  for (let i = 0; i < batches; i++) await loader.next();
  const ms = performance.now() - begun;
  const { user, system } = process.cpuUsage(cpu);
  cpuMs = (user + system) / 1000;
  return ms;
}

await step();
await serve({ engine: 'protomem', version: process.version, threads: `${workers} workers` }, step, () => ({
  cpuMsPerImage: cpuMs / (batch * batches),
}));
