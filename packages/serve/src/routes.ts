import { ProtomemError } from '@protomem/core';
import type { Candidate, IdentifyOptions } from '@protomem/gallery';
import { embedFaces, type FoundFace, faceToEnrol, findFaces, imageName } from '@protomem/gallery/node';
import type { EmbeddingModel } from '@protomem/protocols';
import { normalizeRows } from '@protomem/protocols';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { LimitFunction } from 'p-limit';
import type { ServeSettings } from './options.ts';
import { askedFor, refusal } from './refusals.ts';
import { schemas } from './schemas.ts';

/** First bytes of the formats that are read. SVG is not: it is a program that draws. */
const formats = /^(\xff\xd8\xff|\x89PNG|RIFF....WEBP|GIF8|....ftyp(avif|avis|mif1)|II\*|MM.\*)/s;

type Photo = Buffer | { readonly photo: string } | undefined;
type Search = IdentifyOptions;
type OfPerson = { readonly person: string };

/**
 * What the server answers: photos in, people out.
 *
 * @param embedding puts faces of requests together
 * @param unpack does what it is given when it is its turn
 */
export function addRoutes(
  app: FastifyInstance,
  settings: ServeSettings,
  embedding: EmbeddingModel,
  unpack: LimitFunction,
): void {
  const { gallery, detect, minSide, minSharpness, maxPixels, largest, anyQuality, minNorm } = settings;
  const finding = { name: 'the photo', detect, minSide, minSharpness, maxPixels };

  /** Does something with the photo of a request, when it is its turn and somebody still waits for it. */
  async function withPhoto<T>(request: FastifyRequest, work: (bytes: Buffer) => Promise<T>): Promise<T> {
    const body = request.body as Photo;
    const bytes = Buffer.isBuffer(body) ? body : Buffer.from(body?.photo ?? '', 'base64');
    if (!formats.test(bytes.toString('latin1', 0, 16))) {
      const [got, expected] = [bytes.length === 0 ? 'empty' : 'something else', 'a JPEG, PNG, WebP, AVIF, GIF or TIFF'];
      throw refusal(400, { where: 'serve', what: 'the photo', got, expected });
    }
    return unpack(() => {
      if (request.raw.socket.destroyed) throw refusal(499, gone);
      return work(bytes);
    }).catch((error: unknown) => {
      if (!(error instanceof ProtomemError && /exceeds pixel limit/.test(error.message))) throw askedFor(error);
      throw refusal(413, {
        ...{ where: 'serve', what: 'the photo', got: 'larger' },
        expected: `at most ${maxPixels} pixels`,
        fix: 'Send it smaller.',
      });
    });
  }

  /** All faces of a request's photo and their embeddings. */
  async function facesOf(request: FastifyRequest) {
    const { faces, unaligned } = await withPhoto(request, (bytes) => findFaces(embedding, bytes, finding));
    const found =
      faces.length > 0 ? await embedFaces(embedding, faces) : { embeddings: new Float32Array(0), norms: [] };
    return { faces, unaligned, ...found };
  }

  const shown = ({ box, faults }: FoundFace) => ({ box, faults });

  function known(person: string, image?: string) {
    const found = gallery.find(person);
    const refuse = (what: string, got: string, expected: string): never => {
      throw refusal(404, { where: 'serve', what, got, expected });
    };
    if (!found) return refuse('the person', person, `one of the ${gallery.people} in the gallery`);
    if (image === undefined || found.images.includes(image)) return found;
    return refuse('the image', image, `one of the ${found.images.length} of that person`);
  }

  /** What is done with somebody who is there, whom another request may remove before it is this one's turn. */
  async function withKnown<T>(person: string, image: string | undefined, work: () => Promise<T>): Promise<T> {
    known(person, image);
    return work().catch((error: unknown) => {
      known(person, image);
      throw error;
    });
  }

  app.post('/embed', { schema: schemas.embed, config: { photo: true } }, async (request) => {
    const { faces, unaligned, embeddings, norms } = await facesOf(request);
    const width = embedding.embeddingSize;
    normalizeRows(embeddings, width);
    return {
      ...{ model: gallery.model, unaligned },
      faces: faces.map((face, i) => ({
        ...shown(face),
        norm: norms[i]!,
        embedding: Array.from(embeddings.subarray(i * width, (i + 1) * width)),
      })),
    };
  });

  /** Faces with what a search found of each; a photo without a face has none. */
  async function searched(
    request: FastifyRequest,
    search: (embeddings: Float32Array) => ReturnType<typeof gallery.identify>,
  ) {
    const { faces, unaligned, embeddings } = await facesOf(request);
    const { results, thresholds } =
      faces.length > 0 ? await search(embeddings) : { results: [], thresholds: undefined };
    return { faces: faces.map((face, i) => [shown(face), results[i]!] as const), unaligned, thresholds };
  }

  app.post<{ Querystring: Search }>(
    '/identify',
    { schema: schemas.identify, config: { photo: true } },
    async (request) => {
      const { faces, ...rest } = await searched(request, (embeddings) => gallery.identify(embeddings, request.query));
      return { ...rest, faces: faces.map(([face, people]) => ({ ...face, people })) };
    },
  );

  app.post<{ Params: OfPerson; Querystring: Search }>(
    '/people/:person/verify',
    { schema: schemas.verify, config: { photo: true } },
    async (request) => {
      const { person } = request.params;
      const { faces, ...rest } = await withKnown(person, undefined, () =>
        searched(request, (embeddings) => gallery.verify(person, embeddings, request.query)),
      );
      const one = ([best]: readonly Candidate[]) => ({ score: best!.score, answer: best!.answer });
      return { ...rest, person, faces: faces.map(([face, people]) => ({ ...face, ...one(people) })) };
    },
  );

  app.post<{ Params: OfPerson; Querystring: { name?: string } }>(
    '/people/:person/images',
    { schema: schemas.enrol, config: { photo: true } },
    async (request, reply) => {
      const { person } = request.params;
      const { face, image } = await withPhoto(request, async (bytes) => {
        const image = imageName(request.query.name ?? '', bytes);
        if (gallery.find(person)?.images.includes(image)) return { image };
        return { image, face: await faceToEnrol(embedding, bytes, { ...finding, largest, anyQuality }) };
      });
      const unfit = (got: string) =>
        refusal(422, { where: 'serve', what: 'the photo', got, expected: 'one face, sharp and large enough' });
      if (typeof face === 'string') throw unfit(`one of those that are left out: ${face}`);
      let added = 0;
      if (face) {
        const { embeddings, norms } = await embedFaces(embedding, [face]);
        if (norms[0]! < minNorm) throw unfit(`a face whose embedding is too short (${norms[0]!.toFixed(2)})`);
        // The same photo may have come twice at once.
        ({ added } = await gallery.enrol([{ person, images: [{ image, embedding: embeddings }] }]));
      }
      // Somebody else may have removed the person since.
      return reply
        .code(added > 0 ? 201 : 200)
        .send({ person, image, images: gallery.find(person)?.images.length ?? 0 });
    },
  );

  app.get<{ Querystring: { offset?: number; limit?: number } }>(
    '/people',
    { schema: schemas.list },
    async ({ query }) => {
      const { offset = 0, limit = 1000 } = query;
      const people = gallery.list().slice(offset, offset + limit);
      return {
        ...{ model: gallery.model, calibrated: gallery.calibration !== undefined, total: gallery.people },
        people: people.map(({ person, images }) => ({ person, images: images.length })),
      };
    },
  );

  app.get<{ Params: OfPerson }>('/people/:person', { schema: schemas.find }, async ({ params }) =>
    known(params.person),
  );

  async function remove(person: string, image: string | undefined, compact = true) {
    const removed = await withKnown(person, image, () => gallery.remove(person, image));
    if (compact) await gallery.compact();
    return { person, removed, images: gallery.find(person)?.images.length ?? 0 };
  }

  app.delete<{ Params: OfPerson; Querystring: { compact?: boolean } }>(
    '/people/:person',
    { schema: schemas.remove },
    async ({ params, query }) => remove(params.person, undefined, query.compact),
  );
  app.delete<{ Params: OfPerson & { readonly image: string }; Querystring: { compact?: boolean } }>(
    '/people/:person/images/:image',
    { schema: schemas.removeImage },
    async ({ params, query }) => remove(params.person, params.image, query.compact),
  );
}

const gone = { where: 'serve', what: 'the client', got: 'gone', expected: 'to wait for its answer' };
