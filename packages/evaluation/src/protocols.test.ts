import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { identifyMerged, identifySeparately } from './identification.ts';
import { megaFace } from './megaface.ts';
import { retrieval } from './retrieval.ts';
import { poolTemplates, templatePairScores } from './templates.ts';

const golden = JSON.parse(readFileSync(new URL('../fixtures/protocols.json', import.meta.url), 'utf8'));
const floats = (values: number[]): Float32Array => Float32Array.from(values);

describe('poolTemplates', () => {
  const { width, templates, media, embeddings, mirrored, detector, cases } = golden.ijb;
  const members = { templates, media };

  it.each(cases as { flip: boolean; norm: 'kept' | 'unit'; detector: boolean; ids: number[]; features: number[] }[])(
    "equals ijb_11.py's: flip $flip, norm $norm, detector $detector",
    ({ flip, norm, detector: weighted, ids, features }) => {
      const pooled = poolTemplates(floats(embeddings), width, members, {
        imageNorm: norm,
        ...(flip ? { mirrored: floats(mirrored) } : {}),
        ...(weighted ? { detectorScores: detector } : {}),
      });
      expect([...pooled.ids]).toEqual(ids);
      for (const [i, value] of features.entries()) expect(pooled.features[i]).toBeCloseTo(value, 6);
    },
  );

  it('counts a video once and a photo once', () => {
    const values = Float32Array.of(1, 0, 1, 0, 1, 0, 0, 1);
    const { features } = poolTemplates(values, 2, { templates: [5, 5, 5, 5], media: [1, 1, 1, 2] });
    expect(features[0]).toBeCloseTo(Math.SQRT1_2, 6);
    expect(features[1]).toBeCloseTo(Math.SQRT1_2, 6);
  });

  it('scores pairs by id and names what is missing', () => {
    const pooled = poolTemplates(Float32Array.of(1, 0, 0, 1, 3, 4), 2, { templates: [9, 4, 7], media: [0, 0, 0] });
    const scores = templatePairScores(pooled, [9, 7, 4, 7]);
    expect(scores[0]).toBeCloseTo(0.6, 6);
    expect(scores[1]).toBeCloseTo(0.8, 6);
    expect(() => templatePairScores(pooled, [9, 8])).toThrow(
      'templatePairScores: id 1 is 8, expected one of 3 templates, 4 to 9',
    );
  });

  it('refuses what does not fit', () => {
    const two = Float32Array.of(1, 0, -1, 0);
    const members = { templates: [1, 1], media: [1, 2] };
    expect(() => poolTemplates(two, 3, members)).toThrow('length of embeddings is 4, expected rows of 3 numbers');
    expect(() => poolTemplates(two, 2, { templates: [1], media: [1, 2] })).toThrow('length of templates is 1');
    expect(() => poolTemplates(two, 2, members)).toThrow('template 1 is "2 images whose sum has length 0"');
    expect(() => poolTemplates(two, 2, members, { detectorScores: [1] })).toThrow('length of detectorScores is 1');
    expect(() => poolTemplates(two, 2, members, { mirrored: two.subarray(2) })).toThrow('length of mirrored is 2');
    expect(() => poolTemplates(Float32Array.of(1, Number.NaN, 0, 1), 2, members)).toThrow('embeddings, row 0 is NaN');
    expect(() => poolTemplates(two, 2, members, { imageNorm: 'N1' as 'kept' })).toThrow('expected one of kept, unit');
  });
});

describe('1:N identification', () => {
  const { width, split, fpirs, separate, merged } = golden.identification;
  const probes = { features: floats(golden.identification.probes), subjects: golden.identification.probeSubjects };
  const all = floats(golden.identification.gallery);
  const people = all.length / width;
  const galleries = [
    { features: all.subarray(0, split * width), subjects: Array.from({ length: split }, (_, i) => i) },
    { features: all.subarray(split * width), subjects: Array.from({ length: people - split }, (_, i) => split + i) },
  ];

  it("equals ijb_evals.py's evaluation_1N with two galleries", async () => {
    const found = await identifySeparately(probes, galleries, width, { fpirs });
    expect(found.convention).toBe('separate galleries');
    expect(found.mated).toBe(separate.mated);
    for (const { rank, rate } of found.ranks) expect(rate).toBeCloseTo(separate.ranks[rank], 12);
    for (const [i, { fpir, tpir, thresholds }] of found.tpirAtFpir.entries()) {
      expect(fpir).toBe(fpirs[i]);
      expect(tpir).toBeCloseTo(separate.tpir[i], 12);
      for (const [g, threshold] of thresholds.entries()) expect(threshold).toBeCloseTo(separate.thresholds[g][i], 5);
    }
  });

  it("equals ijb_1n.py's evaluation, which is another quantity", async () => {
    const found = await identifyMerged(probes, galleries, width, { fpirs });
    expect(found.convention).toBe('merged galleries');
    for (const { rank, rate } of found.ranks) expect(rate).toBeCloseTo(merged.ranks[rank], 12);
    for (const [i, { tpir, thresholds }] of found.tpirAtFpir.entries()) {
      expect(tpir).toBeCloseTo(merged.tpir[i], 12);
      expect(thresholds[0]).toBeCloseTo(merged.thresholds[i], 5);
    }
    const { tpirAtFpir } = await identifySeparately(probes, galleries, width, { fpirs });
    expect(found.tpirAtFpir[0]!.tpir).not.toBe(tpirAtFpir[0]!.tpir);
  });

  it('accepts nobody wrongly at a rate of 0', async () => {
    const found = await identifyMerged(probes, galleries, width, { fpirs: [0, 1e-9] });
    const [none, hardlyAny] = found.tpirAtFpir;
    expect(none!.thresholds[0]).toBeLessThan(1);
    expect(none!.thresholds).toEqual(hardlyAny!.thresholds);
    const alone = { features: Float32Array.of(1, 0), subjects: [3] };
    await expect(identifyMerged(alone, [alone], 2)).rejects.toThrow(
      'subjects in the galleries is 1, expected at least 2',
    );
  });

  it('takes a product from elsewhere', async () => {
    let calls = 0;
    const product = async (a: Float32Array, b: Float32Array, width: number): Promise<Float32Array> => {
      calls++;
      const columns = b.length / width;
      return Float32Array.from({ length: (a.length / width) * columns }, (_, i) => {
        let sum = 0;
        for (let k = 0; k < width; k++) sum += a[Math.floor(i / columns) * width + k]! * b[(i % columns) * width + k]!;
        return sum;
      });
    };
    expect(await identifySeparately(probes, galleries, width, { product })).toEqual(
      await identifySeparately(probes, galleries, width),
    );
    expect(calls).toBe(2);
  });

  it('refuses a subject twice, a probe without entry, and probes of one kind', async () => {
    const twice = { features: Float32Array.of(1, 0, 0, 1), subjects: [3, 3] };
    const one = { features: Float32Array.of(1, 0), subjects: [3] };
    const other = { features: Float32Array.of(1, 0), subjects: [4] };
    await expect(identifySeparately(one, [twice], 2)).rejects.toThrow('galleries[0] is "subject 3 in rows 0 and 1"');
    const two = { features: Float32Array.of(1, 0, 0, 1), subjects: [3, 5] };
    await expect(identifyMerged(other, [two], 2)).rejects.toThrow('probe 0 is "subject 4", expected a subject of');
    await expect(identifySeparately(one, [one], 2)).rejects.toThrow('1 with an entry and 0 without');
    await expect(identifyMerged(one, [], 2)).rejects.toThrow('galleries is "none"');
  });
});

describe('megaFace', () => {
  const { width, people, noisyProbes, noisyDistractors } = golden.megaface;
  const probes = { features: floats(golden.megaface.faces), people };
  const distractors = floats(golden.megaface.distractors);

  it.each([
    ['distractor', 'distractor', {}],
    ['mate', 'mate', {}],
    ['clean', 'distractor', { noisyProbes, noisyDistractors }],
  ] as const)("equals the references' loops: %s", async (name, ties, noise) => {
    const found = await megaFace(probes, distractors, width, { ties, ...noise });
    expect(found.trials).toBe(golden.megaface[name].trials);
    for (const { rank, rate } of found.ranks) expect(rate).toBeCloseTo(golden.megaface[name].rates[rank], 12);
  });

  it('has ties that matter here, so that the two rules differ', () => {
    expect(golden.megaface.mate.rates).not.toEqual(golden.megaface.distractor.rates);
  });

  it('refuses ranks beyond the distractors, and lists that name no row', async () => {
    await expect(megaFace(probes, distractors, width, { ranks: [151] })).rejects.toThrow('a rank is 151');
    await expect(megaFace(probes, distractors, width, { noisyDistractors: [150] })).rejects.toThrow(
      'noisyDistractors[0] is 150, expected an integer in [0, 149]',
    );
    const alone = { features: Float32Array.of(1, 0), people: [0] };
    await expect(megaFace(alone, Float32Array.of(0, 1), 2, { ranks: [1] })).rejects.toThrow(
      'no person with two images',
    );
  });
});

describe('retrieval', () => {
  const { width, people, queries, precisionAt1, rPrecision, mapAtR, recall } = golden.retrieval;
  const features = floats(golden.retrieval.features);

  it("equals pytorch-metric-learning's AccuracyCalculator", async () => {
    const found = await retrieval({ features, people }, width);
    expect(found.queries).toBe(queries);
    expect(found.alone).toBe(people.length - queries);
    expect(found.recall[0]!.rate).toBeCloseTo(precisionAt1, 6);
    expect(found.rPrecision).toBeCloseTo(rPrecision, 6);
    expect(found.mapAtR).toBeCloseTo(mapAtR, 6);
    for (const { k, rate } of found.recall) expect(rate).toBeCloseTo(recall[k], 12);
  });

  it('is a CMC with a gallery of its own, and strangers win ties', async () => {
    const probe = { features: Float32Array.of(1, 0), people: [7] };
    const gallery = { features: Float32Array.of(1, 0, 0.5, 0, 0.5, 0), people: [8, 9, 7] };
    const { recall, mapAtR } = await retrieval(probe, 2, gallery, { ks: [1, 2, 3] });
    expect(recall.map(({ rate }) => rate)).toEqual([0, 0, 1]);
    expect(mapAtR).toBe(0);
  });

  it('refuses queries with nothing to find', async () => {
    await expect(retrieval({ features: Float32Array.of(1, 0), people: [1] }, 2)).rejects.toThrow(
      'no query whose person',
    );
    await expect(retrieval({ features: Float32Array.of(1, 0), people: [1, 2] }, 2)).rejects.toThrow(
      'length of people of the queries is 2, expected 1',
    );
  });
});
