import { once } from 'node:events';
import { Option } from '@commander-js/extra-typings';
import { pickOptions } from '@protomem/core';
import type { ModelOptions } from '@protomem/protocols';
import { type ServeOptions, serve, serveOptions } from '@protomem/serve';
import { command, declaredFlags } from '../command-line.ts';
import { type FaceArguments, faceOptions, openFaces, writeGallery } from '../faces.ts';
import { stopCode, stopOnInterrupt } from '../interrupt.ts';

const use = `
  protomem serve --model runs/lfw --gallery people.gallery
  protomem serve --model face.onnx --gallery people.gallery --host 0.0.0.0      with PROTOMEM_TOKEN in the environment

  curl --data-binary @ada.jpg -H 'Content-Type: image/jpeg' http://127.0.0.1:8080/people/Ada/images
  curl --data-binary @door.jpg -H 'Content-Type: image/jpeg' http://127.0.0.1:8080/identify

http://127.0.0.1:8080/ is a page to try it, /docs tells all requests. Who is answered 201 is on the disk. Photos are never kept.
SIGTERM or Ctrl-C: requests at work are answered, then the gallery is closed. There is no TLS: put a proxy that has it in front.`;

const { token, ...flags } = serveOptions;

/** `protomem serve`. */
export function make() {
  const made = faceOptions('serve', command('serve', 'Answers over HTTP who is in a photo; enrols and removes people.'))
    .requiredOption('--gallery <file>', 'of `protomem enrol`; made where there is none')
    .addOption(
      new Option('--token <text>', `${token.help} On a command line, others on this machine see it`).env(
        'PROTOMEM_TOKEN',
      ),
    )
    .addHelpText('after', use)
    .action((options) => serveGallery(options as ServeArguments));
  for (const flag of declaredFlags('serve', flags)) made.addOption(flag as never);
  return made;
}

type Settings = Omit<ServeOptions, 'model' | 'gallery' | 'detect'>;
export interface ServeArguments extends FaceArguments, ModelOptions, Settings {
  readonly gallery: string;
}

/** Serves a gallery until a signal ends it. */
async function serveGallery(options: ServeArguments): Promise<void> {
  const faces = await openFaces('serve', options);
  const signal = stopOnInterrupt();
  try {
    const gallery = await writeGallery(options.gallery, faces);
    try {
      const server = await serve({
        ...pickOptions(serveOptions, options),
        model: faces.model,
        detect: faces.detect,
        gallery,
      });
      console.log(`${options.gallery}: ${gallery.people} people, ${gallery.images} images`);
      if (!gallery.calibration) console.log('no calibration: scores, no answers; see --calibration');
      console.log(`serving at ${server.url}`);
      if (!signal.aborted) await once(signal, 'abort');
      await server.close();
      console.log('every request is answered; the gallery is closed');
    } finally {
      await gallery.close();
    }
    for (const warning of faces.model.warnings()) console.log(warning);
  } finally {
    await faces.model.dispose();
  }
  process.exitCode = stopCode();
}
