import { describe, expect, it } from 'vitest';
import { paintedPeople } from '../../fixtures/painted-people.ts';
import { classesByImages } from './classes-by-images.ts';
import { groupIterateAndShuffle } from './group-iterate-and-shuffle.ts';
import { createSampler, type SamplerName, samplers } from './samplers.ts';

const source = paintedPeople({ identities: 10, imagesPerIdentity: 3, seed: 0 });
const options = { source, classes: 4, images: 2, seed: 1 };

describe('createSampler', () => {
  it('makes what its function makes', () => {
    expect(createSampler('every-class', options).next()).toEqual(classesByImages(options).next());
  });

  it('refuses names and options that are none, with the nearest', () => {
    expect(() => createSampler('every-classes' as SamplerName, options as never)).toThrow(
      'Did you mean "every-class"?',
    );
    const misspelled = { ...options, fewImage: 'skip' };
    expect(() => createSampler('every-image', misspelled)).toThrow(
      /everyImage: an option is "fewImage".* Did you mean "fewImages"\?/,
    );
  });

  it('has the options of each as data, those for programs marked', () => {
    for (const sampler of Object.values(samplers)) {
      expect(sampler.options.fewImages.choices).toEqual(['repeat', 'fill', 'skip']);
      expect(sampler.options.source.configurable).toBe(false);
      expect(sampler.options.minedClasses.configurable).toBe(false);
    }
  });
});

it('takes all identities for one group, unless a size is given', () => {
  const all = groupIterateAndShuffle({ ...options, groupSize: 10, rounds: 2 });
  const one = groupIterateAndShuffle({ ...options, rounds: 2 });
  expect(one.state()).toEqual(all.state());
  for (let i = 0; i < 12; i++) expect(one.next()).toEqual(all.next());
});
