import type { StalenessProbe } from '@protomem/baselines';

/** Mean cosine of probes, and how many they are, by the power of two that their age has reached; the youngest first. */
export function byOctave(
  probes: readonly StalenessProbe[],
): Map<number, { readonly cosine: number; readonly count: number }> {
  const octaves = new Map<number, StalenessProbe[]>();
  for (const found of probes) {
    const octave = Math.floor(Math.log2(Math.max(found.age, 1)));
    octaves.set(octave, [...(octaves.get(octave) ?? []), found]);
  }
  const mean = (found: readonly StalenessProbe[]) => found.reduce((sum, { cosine }) => sum + cosine, 0) / found.length;
  return new Map(
    [...octaves]
      .sort(([a], [b]) => a - b)
      .map(([octave, found]) => [octave, { cosine: mean(found), count: found.length }]),
  );
}

export function label(octave: number): string {
  return `age-${2 ** octave}-${2 ** (octave + 1) - 1}`;
}
