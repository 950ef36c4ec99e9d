import { type ImageSource, ProtomemError } from '@protomem/core';
import type { CosineLoss, Encoder, Head } from '@protomem/core/contracts';
import type { Logger } from '@protomem/training';

/** What a head of one's own is made for. */
export interface HeadContext {
  /** Identities in the training data. */
  readonly identities: number;
  /** Width of an embedding. */
  readonly dimension: number;
  readonly seed: number;
}

/** Parts that a run takes from a program: what JSON cannot hold. */
export interface OwnParts {
  readonly loss?: CosineLoss;
  readonly encoder?: (options: { readonly seed: number }) => Encoder;
  readonly head?: (context: HeadContext) => Head;
  readonly source?: ImageSource | (() => ImageSource | Promise<ImageSource>);
  /** Beside `log.jsonl` and TensorBoard's events: of the run's own head, or made for each, with its name (a baseline's is its kind). */
  readonly loggers?: readonly Logger[] | ((head: string) => readonly Logger[]);
}

type Tree = Readonly<Record<string, unknown>>;
const isTree = (value: unknown): value is Tree => typeof value === 'object' && value !== null;

/** A part given as itself, `loss: mine`, or as `loss: { own: mine, ... }`. */
function ownIn(given: unknown, key: 'kind' | 'name', isPart: (value: unknown) => boolean): [Tree?, unknown?] {
  const own = isPart(given) ? given : isTree(given) ? given.own : undefined;
  // In a finished run's config.json it is a name.
  if (own === undefined || typeof own === 'string') return [];
  const name = (own as { readonly name?: unknown }).name;
  const options = isPart(given) ? {} : (given as Tree);
  return [{ ...options, [key]: 'own', own: typeof name === 'string' && name !== '' ? name : 'own' }, own];
}

const isFunction = (value: unknown): boolean => typeof value === 'function';
const isSource = (value: unknown): boolean => isFunction(value) || (isTree(value) && typeof value.load === 'function');

/** Takes the parts of one's own out of a configuration: what is left is JSON, which names them. */
export function takeOwnParts(given: Tree): { readonly rest: Tree; readonly parts: OwnParts } {
  const { loggers, ...rest } = given;
  const head = isTree(rest.head) && !isFunction(rest.head) ? rest.head : undefined;
  const [lossJson, loss] = ownIn(head?.loss, 'name', isFunction);
  const [headJson, ownHead] = ownIn(rest.head, 'kind', isFunction);
  const [encoderJson, encoder] = ownIn(rest.encoder, 'name', isFunction);
  const [dataJson, source] = ownIn(rest.data, 'kind', isSource);
  return {
    rest: {
      ...rest,
      ...(lossJson && { head: { ...head, loss: lossJson } }),
      ...(headJson && { head: headJson }),
      ...(encoderJson && { encoder: encoderJson }),
      ...(dataJson && { data: dataJson }),
    },
    parts: { loss, head: ownHead, encoder, source, loggers } as OwnParts,
  };
}

/** The part that a configuration names as its user's own. */
export function ownPart<K extends keyof OwnParts>(parts: OwnParts, kind: K, name: string): NonNullable<OwnParts[K]> {
  const found = parts[kind];
  if (found) return found;
  throw new ProtomemError({
    where: 'train',
    what: `the ${kind} "${name}"`,
    got: 'missing',
    expected: "the run's own part, which config.json only names",
    fix: 'Name the file that the run was made from: protomem train FILE --resume.',
  });
}
