import { check, ProtomemError, readOptions, readTfRecords } from '@protomem/core';
import { decodeEntry, decodeHeader, type Header, MOST_BYTES, type ModelIdentity } from './format.ts';
import type { Gallery } from './gallery.ts';
import { galleryOn } from './gallery-on.ts';
import { type GalleryOptions, galleryOptions } from './gallery-options.ts';
import { KnownPeople } from './known-people.ts';
import type { GalleryStorage } from './storage.ts';

/**
 * Opens a gallery, and makes one where the storage is empty.
 *
 * @param storage such as `fileStorage` of `@protomem/gallery/node`, `indexedDbStorage` of a page, or `memoryStorage()`; the gallery closes it.
 * @throws ProtomemError when the gallery is damaged, or of another encoder: both are named.
 *
 * @example
 * ```ts
 * const gallery = await openGallery(memoryStorage(), { width: 512, model: { name: 'mine', fingerprint: 'a1' } });
 * await gallery.enrol([{ person: 'Ada', images: [{ embedding }] }]);
 * const { results } = await gallery.identify(query, { top: 3 });
 * ```
 */
export async function openGallery(storage: GalleryStorage, options: GalleryOptions = {}): Promise<Gallery> {
  try {
    const settings = readOptions('openGallery', galleryOptions, options);
    const { name } = storage;
    const { model, width, template, ...search } = settings;
    const notes = [...(storage.notes ?? [])];
    let known = await load(storage, notes);
    if (known) refuseAnother(name, known.header, settings);
    else {
      check(model !== undefined && width !== undefined && !storage.readOnly, () => ({
        where: 'openGallery',
        what: name,
        got: 'missing or empty',
        expected: 'a gallery',
        fix: 'Enrol somebody first.',
      }));
      known = new KnownPeople({ width, model, template: template ?? 'mean' });
      await storage.replace(known.encoded());
    }
    const gallery = galleryOn(storage, known, notes, search);
    if (!storage.readOnly) await gallery.compact();
    return gallery;
  } catch (error) {
    await storage.close();
    throw error;
  }
}

/** Everybody in a storage; undefined where nothing is. */
async function load(storage: GalleryStorage, notes: string[]): Promise<KnownPeople | undefined> {
  const { name, readOnly } = storage;
  let known: KnownPeople | undefined;
  const refuse = (cause?: unknown): never => {
    const fix = 'It is another file, or damaged: name another one, or use a copy.';
    throw new ProtomemError(
      { where: 'openGallery', what: name, got: 'something else', expected: 'a gallery', fix },
      { cause },
    );
  };
  try {
    for await (const { bytes, offset, length } of readTfRecords(storage.read(), name, MOST_BYTES)) {
      if (bytes && known) known.apply(decodeEntry(bytes, name, offset, known.header.width));
      else if (bytes) known = new KnownPeople(decodeHeader(bytes, name));
      else if (known) {
        const why = readOnly
          ? 'a write is under way, or was cut off'
          : 'a write was cut off, and never said to be done';
        notes.push(`${name}: the last ${length} bytes are no whole record: ${why}; they are left out`);
        // What is enrolled next must not stand behind them.
        known.outdated = true;
      } else refuse();
    }
  } catch (error) {
    if (known || !(error instanceof ProtomemError) || error.parts.what === 'its format') throw error;
    refuse(error);
  }
  return known;
}

function refuseAnother(name: string, found: Header, { model, width, template }: GalleryOptions): void {
  const refuse = (what: string, got: unknown, expected: string, fix: string): never => {
    throw new ProtomemError({ where: name, what, got, expected, fix });
  };
  const words = ({ name, fingerprint }: ModelIdentity): string => `${name} (${fingerprint})`;
  if (model !== undefined && model.fingerprint !== found.model.fingerprint) {
    const fix =
      'Embeddings of two encoders cannot be compared: name that model, or enrol everybody into a new gallery.';
    refuse('the model', words(model), `${words(found.model)}, whose embeddings the gallery holds`, fix);
  }
  if (width !== undefined && width !== found.width) {
    refuse('width', width, `${found.width}, which the gallery has`, 'Name the model that the gallery was made with.');
  }
  if (template !== undefined && template !== found.template) {
    const fix = 'It is chosen when a gallery is made; `identify` may take another one each time.';
    refuse('template', template, `${found.template}, which the gallery has`, fix);
  }
}
