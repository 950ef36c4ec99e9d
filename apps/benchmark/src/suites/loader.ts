import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { syntheticFaces } from '@protomem/synthetic';
import sharp from 'sharp';
import { startAll } from '../contender.ts';
import type { Suite, SuiteResult, SuiteRun } from '../suite.ts';
import { timed } from '../timed.ts';

const here = (file: string): string => join(import.meta.dirname, file);
const [BATCH, BATCHES, WORKERS, TRAINING_BATCH, TRAINING_STEPS] = [128, 60, 2, 64, 6];
const IMAGES = BATCH * BATCHES;
const samplers = ['classesByImages', 'groupIterateAndShuffle', 'everyImage', 'weightedClasses'];

/** Images a second beside torchvision's, how long training waits for them, and how soon a sampler of many is ready. */
export const loader: Suite = {
  about: `decoding and augmenting 112x112 JPEG, ${WORKERS} workers; a training step's wait; samplers of 1e9 identities`,
  async run(run) {
    if (run.data !== undefined) return measure(run, run.data);
    const dir = await mkdtemp(join(tmpdir(), 'protomem-faces-'));
    try {
      await render(dir, run);
      return await measure(run, dir);
    } finally {
      await rm(dir, { recursive: true, force: true });
    }
  },
};

async function measure(run: SuiteRun, dir: string): Promise<SuiteResult> {
  const load = [dir, String(BATCH), String(BATCHES), String(WORKERS)] as const;
  const train = (mode: string) => [dir, mode, String(TRAINING_BATCH), String(TRAINING_STEPS)] as const;
  const suite = timed({
    about: loader.about,
    warmup: 1,
    rounds: { full: 11, quick: 3 },
    cases: [
      {
        name: '112',
        baselines: ['torchvision'],
        ratio: 'speed',
        contenders: (report) =>
          startAll(report, [
            ['loader', here('loader-step.ts'), ...load],
            ['torchvision', 'loader_step.py', ...load],
          ]),
      },
      {
        name: 'step',
        baselines: ['one-batch'],
        contenders: (report) =>
          startAll(report, [
            ['loader', here('loader-train-step.ts'), ...train('loader')],
            ['one-batch', here('loader-train-step.ts'), ...train('one batch')],
          ]),
      },
      {
        name: 'first-batch',
        baselines: [],
        contenders: (report) =>
          startAll(
            report,
            samplers.map((name) => [`${name}@1e9`, here('loader-sampler-step.ts'), name, '1e9'] as const),
          ),
      },
    ],
  });
  const found = await suite.run(run);
  const ratios = { ...found.ratios };
  ratios['waiting/step@112'] = found.cases.step!.loader!.figures!.waitingShare!;
  const rates = Object.entries(found.cases['112']!).map(
    ([name, { time }]) => `${name} ${((1000 * IMAGES) / time!.median).toFixed(0)}`,
  );
  const notes = [
    `Case 112: milliseconds for ${IMAGES} images, mirrored, shifted by up to 4 pixels, and changed in brightness, contrast ` +
      `and saturation; images/s: ${rates.join(', ')}.`,
    `Case step: a training step of mobilefacenet (width 0.5, batch ${TRAINING_BATCH}) with Prototype Memory; one-batch repeats a ` +
      'batch instead of loading, so its ratio is what loading beside training costs in all.',
  ];
  const reading = '`@112`: of speed, above 1 the first is faster; the others: below 1 it is';
  return { ...found, ratios, reading, notes };
}

/** Faces of nobody, as a folder of JPEG files. */
async function render(dir: string, { say }: SuiteRun): Promise<void> {
  const [identities, images] = [128, 8];
  say(`drawing ${identities * images} faces; --data DIR takes yours`);
  const source = syntheticFaces({ identities, imagesPerIdentity: images, seed: 0 });
  for (let identity = 0; identity < identities; identity++) {
    const folder = join(dir, source.identityName(identity));
    await mkdir(folder);
    for (let image = 0; image < images; image++) {
      const { bytes } = await source.load(identity, image);
      await writeFile(
        join(folder, `${image}.jpg`),
        await sharp(bytes).flatten().jpeg({ quality: 92, chromaSubsampling: '4:4:4' }).toBuffer(),
      );
    }
  }
}
