import { basename } from 'node:path';
import { check, type ImageSource } from '@protomem/core';
import { selectIdentities } from '@protomem/data';
import { heldOut } from './held-out.ts';
import { trainedImages } from './other-images.ts';
import { readPairList } from './read-pair-list.ts';
import type { RunDraft } from './run-schema.ts';

/** More identities than this are not gone through for those of one's own that make them up. */
const MOST = 2 ** 24;
const NAMED = 10;

/**
 * The training data without the people whom the run is tested on, as far as it can be told who they are.
 *
 * @param source of `config.data`, not drawn
 * @param note told in a sentence how many were found
 * @throws ProtomemError when nobody of the pair list is found, unless `evaluation.allowUnmatched`
 */
export async function leaveOutTested(
  draft: RunDraft,
  source: ImageSource,
  note: (sentence: string) => void,
): Promise<ImageSource> {
  const { data, evaluation } = draft;
  const { pairs } = evaluation;
  const minImages = data.kind === 'dataset' ? data.minImages : undefined;
  const select = (exclude: Iterable<string>): ImageSource => selectIdentities(source, { minImages, exclude });
  const everybody = (): ImageSource => withEnoughImages(draft, source);
  if (pairs.kind === 'synthetic') return everybody();
  if (pairs.kind === 'held-out') {
    check(source.identities <= MOST, () => tooMany('held-out', source));
    const tested = heldOut(source, pairs);
    note(`${tested.identities.toLocaleString('en')} people are kept out of training to be tested`);
    return select(Array.from({ length: tested.identities }, (_, identity) => tested.identityName(identity)));
  }
  if (pairs.kind === 'other-images') {
    check(source.identities <= MOST, () => tooMany('other-images', source));
    const trained = trainedImages(everybody(), pairs);
    note('everybody is trained on, with some images; tested on others of the same people: strangers are not');
    return trained;
  }
  const list = basename(pairs.file);
  const unknown = pairs.kind === 'bin' ? `${list} names nobody` : undefined;
  if (unknown !== undefined || source.identities > MOST) {
    const reason = unknown ?? `${source.name} has too many identities`;
    note(`${reason}: whether its people are in the training data cannot be checked`);
    return everybody();
  }
  const { people } = await readPairList(pairs.file);
  const { found, numbered } = lookUpPeople(source, people);
  const missing = people.filter((name) => !found.has(name.normalize('NFC')));
  const named = `${missing.slice(0, NAMED).join(', ')}${missing.length > NAMED ? `, ... ${missing.length} in all` : ''}`;
  const matched = `${found.size} of ${people.length} people of ${list} are in the training data`;
  const numbers = numbered
    ? ' Its identities are called by numbers: whether these people are among them cannot be checked.'
    : '';
  check(found.size > 0 || evaluation.allowUnmatched, () => ({
    where: 'evaluation.pairs',
    what: `who is tested by ${list}`,
    got: `nobody who is called so in ${source.name}`,
    expected: 'people whom the training data names, so that they can be left out of it',
    fix:
      `${matched}: nothing was left out. Not found: ${named}.${numbers} ` +
      'If they are not in it under another name either, say so: --set evaluation.allowUnmatched=true.',
  }));
  if (found.size === 0) note(`${matched}: nothing was left out.${numbers}`);
  else note(`${matched}, and left out of it${missing.length > 0 ? `; not found: ${named}` : ''}`);
  return found.size === 0 && minImages === undefined ? source : select(people);
}

/** Data without the identities that have too few images. */
export const withEnoughImages = ({ data }: RunDraft, source: ImageSource): ImageSource =>
  data.kind === 'dataset' ? selectIdentities(source, { minImages: data.minImages }) : source;

const tooMany = (kind: string, { identities }: ImageSource) => ({
  where: 'evaluation.pairs',
  what: `${kind}, from identities`,
  got: identities,
  expected: `at most ${MOST}`,
  fix: 'Test on a list of pairs, or on synthetic faces: --set evaluation.pairs=synthetic.',
});

function lookUpPeople(source: ImageSource, people: readonly string[]) {
  const wanted = new Set(people.map((name) => name.normalize('NFC')));
  const found = new Set<string>();
  let numbered = true;
  for (let identity = 0; identity < source.identities; identity++) {
    const name = source.identityName(identity).normalize('NFC');
    if (wanted.has(name)) found.add(name);
    numbered &&= /^\d+$/.test(name);
  }
  return { found, numbered };
}
