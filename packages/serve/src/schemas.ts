import type { Options } from '@protomem/core';
import { identifyOptions } from '@protomem/gallery';

/** JSON schemas of what goes in and comes out: requests are checked by them, the page /docs is made of them. */

const text = { type: 'string' } as const;
const number = { type: 'number' } as const;
const integer = { type: 'integer' } as const;
const flag = { type: 'boolean' } as const;
const list = (items: object) => ({ type: 'array', items }) as const;

/** An object with these properties, all of them there but those named. */
function shape(properties: Readonly<Record<string, object>>, optional: readonly string[] = []) {
  const required = Object.keys(properties).filter((key) => !optional.includes(key));
  return { type: 'object', additionalProperties: false, required, properties } as const;
}

const error = {
  description: 'What was refused, and why',
  ...shape(
    { error: shape({ where: text, what: text, got: text, expected: text, fix: text, message: text }, ['fix']) },
    [],
  ),
} as const;
const refused = { '4xx': error, '5xx': error };

/** A photo as the body. */
const file = { schema: { description: 'the bytes of a photo' } };
const photo = {
  content: {
    'application/json': { schema: shape({ photo: { ...text, description: 'the bytes of a photo, base64' } }) },
    ...Object.fromEntries(['image/jpeg', 'image/png', 'image/webp', 'application/octet-stream'].map((t) => [t, file])),
  },
};

/** Query parameters that a part declares; their ranges are checked by the part. */
function declared(options: Options, types: Readonly<Record<string, 'integer' | 'number' | 'string'>>) {
  const properties = Object.entries(types).map(([name, type]) => {
    const { help, expected, choices } = options[name]!;
    return [name, { type, description: `${help} ${expected}`, ...(choices ? { enum: choices } : {}) }] as const;
  });
  return shape(Object.fromEntries(properties), Object.keys(types));
}
const judging = { far: 'number', doubt: 'number', template: 'string' } as const;

const person = { ...text, minLength: 1, maxLength: 4096 };
const answer = { ...text, enum: ['same', 'not sure', 'no'] };
const found = {
  box: { ...shape({ left: number, top: number, side: number }), description: 'pixels of the upright photo' },
  faults: { ...list(text), description: 'what speaks against trusting this face' },
};
const faces = (more: Readonly<Record<string, object>>, optional: readonly string[] = []) =>
  list(shape({ ...found, ...more }, ['box', ...optional]));
const threshold = shape({ threshold: number, far: number, missed: number, extrapolated: flag });
const thresholds = {
  ...shape({ same: threshold, no: threshold, comparisons: integer, far: number, doubt: number, source: text }),
  description: 'what the answers mean; absent where the gallery has no calibration',
};
const model = shape({ name: text, fingerprint: text });
const someone = shape({ person: text, images: list(text) });
const removed = shape({ person: text, removed: integer, images: integer });
const unaligned = { ...integer, description: 'faces whose landmarks no face has' };

export const schemas = {
  embed: {
    summary: 'Embeddings of all faces in a photo, of length 1, the largest face first',
    body: photo,
    response: {
      200: shape({ model, unaligned, faces: faces({ norm: number, embedding: list(number) }) }),
      ...refused,
    },
  },
  identify: {
    summary: 'Who in the gallery looks most like each face in a photo',
    querystring: declared(identifyOptions, { top: 'integer', ...judging }),
    body: photo,
    response: {
      200: shape(
        {
          unaligned,
          faces: faces({ people: list(shape({ person: text, score: number, answer }, ['answer'])) }),
          thresholds,
        },
        ['thresholds'],
      ),
      ...refused,
    },
  },
  verify: {
    summary: 'Whether each face in a photo is that of one person',
    params: shape({ person }),
    querystring: declared(identifyOptions, judging),
    body: photo,
    response: {
      200: shape({ person: text, unaligned, faces: faces({ score: number, answer }, ['answer']), thresholds }, [
        'thresholds',
      ]),
      ...refused,
    },
  },
  enrol: {
    summary: 'Adds the face in a photo to a person; the photo itself is not kept',
    params: shape({ person }),
    querystring: shape({ name: { ...text, maxLength: 1024, description: 'of the photo, such as its file name' } }, [
      'name',
    ]),
    body: photo,
    response: {
      201: { ...shape({ person: text, image: text, images: integer }), description: 'on the disk now' },
      200: { ...shape({ person: text, image: text, images: integer }), description: 'was there already' },
      ...refused,
    },
  },
  list: {
    summary: 'Who is in the gallery, in the order of enrolment',
    querystring: shape({ offset: { ...integer, minimum: 0 }, limit: { ...integer, minimum: 1, maximum: 10_000 } }, [
      'offset',
      'limit',
    ]),
    response: {
      200: shape({ model, calibrated: flag, total: integer, people: list(shape({ person: text, images: integer })) }),
      ...refused,
    },
  },
  find: {
    summary: 'One person and the names of their images',
    params: shape({ person }),
    response: { 200: someone, ...refused },
  },
  remove: {
    summary: 'Removes a person; with `compact=false` their bytes leave the file later, when the server stops',
    params: shape({ person }),
    querystring: shape({ compact: flag }, ['compact']),
    response: { 200: removed, ...refused },
  },
  removeImage: {
    summary: 'Removes one image of a person; the last one takes the person along',
    params: shape({ person, image: person }),
    querystring: shape({ compact: flag }, ['compact']),
    response: { 200: removed, ...refused },
  },
  health: {
    summary: 'Whether the server is at work',
    response: { 200: shape({ status: { ...text, enum: ['ok'] }, waiting: integer }), ...refused },
  },
  metrics: {
    summary: 'Figures for Prometheus',
    response: { 200: { content: { 'text/plain': { schema: text } } }, ...refused },
  },
} as const;
