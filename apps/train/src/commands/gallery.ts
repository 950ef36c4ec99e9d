import { check, nearest, ProtomemError, printable } from '@protomem/core';
import { openGallery } from '@protomem/gallery';
import { fileStorage } from '@protomem/gallery/node';
import { command } from '../command-line.ts';
import { readGallery } from '../faces.ts';

const use = `
  protomem gallery info people.gallery
  protomem gallery list people.gallery
  protomem gallery remove people.gallery Ada                     everything of Ada; nothing of her stays in the file
  protomem gallery remove people.gallery Ada --image "1.jpg 3fa9c01b22ce"`;

/** `protomem gallery`. */
export const make = () =>
  command('gallery', 'Tells who is in a gallery, and removes people.')
    .argument('<what>', 'info, list, remove')
    .argument('<file>', 'gallery of `protomem enrol`')
    .argument('[person]', 'whom to remove, or to list the images of')
    .option('--image <name>', 'remove this image only')
    .addHelpText('after', use)
    .action(async (what, file, person, { image }) => {
      const action = Object.hasOwn(actions, what) ? actions[what as keyof typeof actions] : refuse(what);
      check(image === undefined || action === actions.remove, () => ({
        where: 'gallery',
        what: '--image',
        got: image,
        expected: 'no image: it is of `remove`',
      }));
      await action(file, person, image);
    });

function refuse(what: string): never {
  const near = nearest(what, Object.keys(actions));
  throw new ProtomemError({
    where: 'gallery',
    what: 'what to do',
    got: what,
    expected: `one of ${Object.keys(actions).join(', ')}`,
    fix: near ? `Did you mean "${near}"?` : undefined,
  });
}

const actions = {
  async info(file: string): Promise<void> {
    const gallery = await readGallery(file);
    const { people, images, width, model, template, calibration } = gallery;
    console.log(
      `${people} people, ${images} images; ${width} numbers each, compared by ${template === 'mean' ? 'the mean' : 'the best'}`,
    );
    console.log(`model: ${printable(model.name)} (${model.fingerprint})`);
    console.log(
      calibration
        ? `calibration: ${printable(calibration.source)}, ${calibration.same} pairs of one person, ${calibration.strangers} of strangers`
        : 'no calibration: scores only',
    );
    await gallery.close();
  },
  async list(file: string, person?: string): Promise<void> {
    const gallery = await readGallery(file);
    const found = gallery.list().filter((one) => person === undefined || one.person === person);
    check(person === undefined || found.length > 0, () => ({
      where: 'gallery',
      what: 'the person',
      got: person,
      expected: `one of the ${gallery.people} in ${file}`,
    }));
    for (const { person: name, images } of found) {
      if (person === undefined) console.log(`${String(images.length).padStart(6)}  ${printable(name)}`);
      else for (const image of images) console.log(printable(image));
    }
    await gallery.close();
  },
  async remove(file: string, person?: string, image?: string): Promise<void> {
    check(person !== undefined, () => ({
      where: 'gallery',
      what: 'the person',
      got: 'missing',
      expected: 'a name of `protomem gallery list`',
    }));
    // There is nobody to remove from one that is made only now.
    await (await readGallery(file)).close();
    const gallery = await openGallery(await fileStorage(file));
    try {
      const removed = await gallery.remove(person, image);
      await gallery.compact();
      console.log(
        `${removed} images of ${printable(person)} removed; ${gallery.people} people, ${gallery.images} images left`,
      );
    } finally {
      await gallery.close();
    }
  },
};
