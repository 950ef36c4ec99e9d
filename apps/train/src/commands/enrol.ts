import { pickOptions, remarkLines } from '@protomem/core';
import {
  type EnrolImagesOptions,
  type EnrolledImages,
  enrolImages,
  enrolImagesOptions,
  openPeople,
} from '@protomem/gallery/node';
import type { ModelOptions } from '@protomem/protocols';
import { command, declaredFlags, withBar } from '../command-line.ts';
import { type DataSetArguments, dataSetOptions, openOptionsOf, sayRemarks } from '../data-sets.ts';
import { type FaceArguments, faceOptions, openFaces, writeGallery } from '../faces.ts';
import { stopOnInterrupt } from '../interrupt.ts';

const use = `
  protomem enrol staff --gallery people.gallery --model runs/lfw                 a folder of photos for each person
  protomem enrol me.jpg --name Ada --gallery people.gallery --model face.onnx    one photo; without --name it is "me"
  protomem enrol lfw112 --aligned --gallery people.gallery --model runs/lfw      aligned faces, a data set of any format

In a folder of images without folders each is of somebody else, who is called as the file is. Photos are not kept: the gallery
has embeddings, the people's names, and names of the images.`;

/** `protomem enrol`. */
export function make() {
  const made = dataSetOptions(
    faceOptions(
      'enrol',
      command('enrol', 'Finds the faces of people in photos and keeps them, as embeddings, in a gallery.').argument(
        '<photos...>',
        'images, folders of images, or folders with a folder for each person',
      ),
    ),
  )
    .requiredOption('--gallery <file>', 'gallery to add to; made where there is none')
    .option('--name <person>', 'who is on all of these images')
    .option(
      '--template <how>',
      "in a new gallery, compare with the mean of a person's images or the best of them: mean, best",
    )
    .addHelpText('after', use)
    .action((photos, options) => enrol(photos, options as EnrolArguments));
  for (const flag of declaredFlags('enrol', enrolImagesOptions)) made.addOption(flag as never);
  return made;
}

export interface EnrolArguments extends FaceArguments, DataSetArguments, ModelOptions, EnrolImagesOptions {
  readonly gallery: string;
  readonly name?: string;
  readonly template?: string;
}

/** Enrols everybody on some photos. */
export async function enrol(photos: readonly string[], options: EnrolArguments): Promise<void> {
  const { gallery: path, name, template, ...rest } = options;
  const faces = await openFaces('enrol', options);
  const signal = stopOnInterrupt();
  try {
    const gallery = await writeGallery(path, faces, template as never);
    try {
      let kept = 0;
      for (const photo of photos) {
        const people = await openPeople(photo, name, openOptionsOf(rest));
        sayRemarks(people.source);
        const settings = pickOptions(enrolImagesOptions, options);
        const found = await withBar('images', (onProgress) =>
          enrolImages(gallery, faces.model, people, { ...settings, detect: faces.detect, onProgress, signal }),
        );
        for (const line of summary(found)) console.log(line);
        kept += found.added + found.known;
      }
      console.log(`${path}: ${gallery.people} people, ${gallery.images} images`);
      if (!gallery.calibration) console.log('no calibration: identify will give scores, no answers; see --calibration');
      if (kept === 0) process.exitCode = 1;
    } finally {
      await gallery.close();
    }
    for (const warning of faces.model.warnings()) console.log(warning);
  } finally {
    await faces.model.dispose();
  }
}

function summary({ images, added, known, people, leftOut }: EnrolledImages): string[] {
  const there = known > 0 ? `, ${known} there already` : '';
  return [`${added} of ${images} images enrolled${there}, of ${people} people`, ...remarkLines(leftOut)];
}
