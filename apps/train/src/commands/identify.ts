import { type ImageSource, ProtomemError, printable, shellWord } from '@protomem/core';
import { openImages } from '@protomem/data';
import {
  type Candidate,
  type Gallery,
  identifyOptions,
  memoryStorage,
  openGallery,
  thresholdLines,
} from '@protomem/gallery';
import {
  checkGalleryThere,
  embedFaces,
  enrolImages,
  type FindFacesOptions,
  type FoundFace,
  findFaces,
  findFacesOptions,
  isGalleryFile,
  openPeople,
} from '@protomem/gallery/node';
import type { ModelOptions } from '@protomem/protocols';
import { command, declaredFlags } from '../command-line.ts';
import { type DataSetArguments, dataSetOptions, openOptionsOf, refuseGiven, sayRemarks } from '../data-sets.ts';
import { type FaceArguments, type Faces, faceOptions, openFaces, readGallery } from '../faces.ts';

const use = `
  protomem identify door.jpg --gallery people.gallery --model runs/lfw
  protomem identify face.jpg --gallery lfw112 --model runs/lfw --aligned     a data set of faces, embedded for this call only

"same", "not sure" and "no" come from the test that the gallery was calibrated on; --far and --doubt are of a whole search, and
the thresholds rise with the number of people.`;

const { name: _, ...qualityOptions } = findFacesOptions;

/** `protomem identify`. */
export function make() {
  const made = dataSetOptions(
    faceOptions(
      'identify',
      command(
        'identify',
        'Names the people of a gallery who look most like each face in photos, and says how sure it is.',
      ).argument('<photos...>', 'images, or folders of them'),
    ),
  )
    .requiredOption('--gallery <path>', 'of `protomem enrol`; or a data set of known people')
    .option('--json', 'a line of JSON for each face', false)
    .addHelpText('after', use)
    .action((photos, options) => identify(photos, options as IdentifyArguments));
  for (const flag of declaredFlags('identify', { ...identifyOptions, ...qualityOptions }))
    made.addOption(flag as never);
  return made;
}

export interface IdentifyArguments extends FaceArguments, DataSetArguments, ModelOptions, FindFacesOptions {
  readonly gallery: string;
  readonly json?: boolean;
  readonly top?: number;
  readonly far?: number;
  readonly doubt?: number;
  readonly template?: 'mean' | 'best';
}

/** Names the people of a gallery who look most like each face in photos, and says how sure it is. */
export async function identify(photos: readonly string[], options: IdentifyArguments): Promise<void> {
  checkGalleryThere('identify', options.gallery);
  const { json = false, top, far, doubt, template, minSide, minSharpness, maxPixels } = options;
  const faces = await openFaces('identify', options);
  const { model, detect } = faces;
  try {
    const gallery = await openKnown(faces, options);
    try {
      // What is asked for, else the gallery's, else that of the model's own run.
      const known = options.calibration === undefined ? gallery.calibration : undefined;
      const calibration = known ?? faces.calibration;
      const search = { top, far, doubt, template, calibration };
      let lines: string[] = [];
      /** The faces of a photo; or why there are none, of one that cannot be read. */
      const facesIn = async (source: ImageSource, identity: number, image: number) => {
        try {
          const { name, bytes } = await source.load(identity, image);
          return { name, found: await findFaces(model, bytes, { name, detect, minSide, minSharpness, maxPixels }) };
        } catch (error) {
          if (error instanceof ProtomemError) return { error: error.message };
          throw error;
        }
      };
      for (const path of photos) {
        const source = await openImages(path);
        sayRemarks(source);
        for (let identity = 0; identity < source.identities; identity++) {
          for (let i = 0; i < source.imagesOf(identity); i++) {
            const seen = await facesIn(source, identity, i);
            if ('error' in seen) {
              process.exitCode = 1;
              console.log(json ? printable(JSON.stringify(seen)) : `not looked at: ${seen.error}`);
              continue;
            }
            const { name, found } = seen;
            if (found.faces.length === 0) {
              if (json) console.log(JSON.stringify({ photo: name, faces: 0 }));
              else
                console.log(
                  `${printable(name)}: no face${found.unaligned > 0 ? ' that could be aligned' : ''}${hint(source.identities)}`,
                );
              continue;
            }
            const { embeddings } = await embedFaces(model, found.faces);
            const { results, thresholds } = await gallery.identify(embeddings, search);
            if (thresholds) lines = thresholdLines(thresholds);
            for (const [at, people] of results.entries()) show(name, found.faces, at, people, json);
          }
        }
      }
      if (json) return;
      for (const line of lines) console.log(line);
      if (!calibration) {
        console.log(
          'no calibration is known for this model: scores only. `protomem evaluate MODEL --protocol lfw ... --out DIR`',
        );
        console.log('makes one; then --calibration DIR/metrics.json');
      }
      for (const warning of model.warnings()) console.log(warning);
    } finally {
      await gallery.close();
    }
  } finally {
    await model.dispose();
  }
}

const hint = (images: number): string => (images === 1 ? '; an aligned face is taken as it is with --aligned' : '');

function show(
  photo: string,
  faces: readonly FoundFace[],
  at: number,
  people: readonly Candidate[],
  json: boolean,
): void {
  const { box, faults } = faces[at]!;
  if (json) {
    console.log(printable(JSON.stringify({ photo, face: at + 1, faces: faces.length, box, faults, people })));
    return;
  }
  const where = box ? ` (${box.side.toFixed(0)} pixels at ${box.left.toFixed(0)}, ${box.top.toFixed(0)})` : '';
  console.log(`${printable(photo)}${faces.length > 1 ? `, face ${at + 1} of ${faces.length}` : ''}${where}`);
  for (const fault of faults) console.log(`  ${fault}: the answer may be wrong`);
  for (const { person, score, answer } of people) {
    console.log(`  ${answer ? answer.padEnd(9) : ''} ${score.toFixed(3).padStart(6)}  ${printable(person)}`);
  }
}

/** A gallery as it was enrolled; or one of a data set, for this call only. */
async function openKnown({ opening, model, detect }: Faces, options: IdentifyArguments): Promise<Gallery> {
  const { gallery: path, maxPixels } = options;
  if (await isGalleryFile(path)) {
    const { from, root, columns, identity } = options;
    const expected = `nothing: ${path} is a gallery, and such options are of data sets`;
    refuseGiven('identify', { from, root, columns, identity }, expected);
    return readGallery(path, opening);
  }
  const people = await openPeople(path, undefined, openOptionsOf(options));
  sayRemarks(people.source);
  const gallery = await openGallery(memoryStorage(), opening);
  const { leftOut } = await enrolImages(gallery, model, people, { detect, maxPixels, largest: true, anyQuality: true });
  sayRemarks({ remarks: leftOut });
  console.error(
    `${gallery.people} people embedded for this call only; to keep them: protomem enrol ${shellWord(path)} --gallery people.gallery --model ${shellWord(options.model)}`,
  );
  return gallery;
}
