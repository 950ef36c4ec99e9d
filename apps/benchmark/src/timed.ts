import { ProtomemError } from '@protomem/core';
import type { Contender } from './contender.ts';
import { median, summarize } from './statistics.ts';
import type { Case, Measured, Suite, SuiteRun, TimedSuite } from './suite.ts';

/** Makes a suite of cases in which contenders take turns. */
export function timed(suite: TimedSuite): Suite {
  return {
    about: suite.about,
    async run(run) {
      const cases: Record<string, Record<string, Measured>> = {};
      const ratios: Record<string, number> = {};
      const absent: string[] = [];
      const notes: string[] = [];
      for (const [index, one] of suite.cases.entries()) {
        run.say(`case ${one.name} (${index + 1} of ${suite.cases.length})`);
        const found = await measure(suite, one, run, absent);
        cases[one.name] = found.measured;
        Object.assign(ratios, found.ratios);
        notes.push(...found.profiles);
      }
      const speeds = suite.cases.some(({ ratio }) => ratio === 'speed');
      const reading = speeds ? 'of speed: above 1, the first is faster; of bytes: below 1, it takes less' : undefined;
      const taken = `Contenders took turns in one run, with ${warmupOf(suite, run.quick)} turns first that do not count.`;
      return { unit: 'ms', cases, ratios, reading, absent: [...new Set(absent)], notes, taken };
    },
  };
}

const warmupOf = ({ warmup }: TimedSuite, quick: boolean): number =>
  typeof warmup === 'number' ? warmup : warmup[quick ? 'quick' : 'full'];

async function measure(suite: TimedSuite, one: Case, { quick, profile, say }: SuiteRun, absent: string[]) {
  const contenders = await one.contenders((text) => {
    say(text);
    absent.push(text);
  });
  if (contenders.length === 0) {
    throw new ProtomemError({ where: 'bench', what: 'contenders', got: 'none', expected: 'at least one that starts' });
  }
  try {
    const times = new Map<string, number[]>(contenders.map(({ name }) => [name, []]));
    const extent = quick ? 'quick' : 'full';
    const rounds = suite.rounds[extent];
    const warmup = warmupOf(suite, quick);
    for (let step = 1; step <= warmup; step++) {
      for (const contender of contenders) await contender.measure();
      say(`warm-up ${step}/${warmup}`);
    }
    const begun = performance.now();
    for (let round = 1; round <= rounds; round++) {
      // A B C A B C: whatever drifts in the machine hits all of them.
      for (const contender of contenders) times.get(contender.name)!.push(await contender.measure());
      const left = ((performance.now() - begun) / round) * (rounds - round);
      const line = contenders.map(({ name }) => `${name} ${times.get(name)!.at(-1)!.toFixed(0)}`).join('  ');
      say(`round ${round}/${rounds}  ${line} ms  ETA ${(left / 1000).toFixed(0)} s`);
    }
    const measured: Record<string, Measured> = {};
    for (const contender of contenders) {
      const { name, about } = contender;
      measured[name] = { about, time: summarize(times.get(name)!), figures: await contender.figures() };
    }
    const profiles: string[] = [];
    if (profile) for (const contender of contenders) profiles.push(...(await profileOf(one.name, contender)));
    return { measured, ratios: compare(one, contenders, times, measured), profiles };
  } finally {
    for (const contender of contenders) contender.stop();
  }
}

/** A section on where the time of a contender's step goes: the ops that take most of it. */
async function profileOf(caseName: string, contender: Contender): Promise<string[]> {
  const ops = await contender.profile();
  if (ops.length === 0) return [];
  const sum = ops.reduce((total, { milliseconds }) => total + milliseconds, 0);
  const rows = ops.slice(0, 12).map(({ op, calls, milliseconds }) => {
    const share = ((100 * milliseconds) / sum).toFixed(1);
    return `| ${op} | ${calls} | ${milliseconds.toFixed(1)} | ${share} % |`;
  });
  const head = ['| op | calls | ms | share |', '| --- | --- | --- | --- |'];
  return [
    [`## Profile of ${contender.name}, ${caseName}: ${sum.toFixed(0)} ms in ops`, '', ...head, ...rows].join('\n'),
  ];
}

/** Median of the rounds' own ratios, and the ratio of every other figure that both have. */
function compare(
  { name: caseName, baselines, key, ratio }: Case,
  contenders: readonly Contender[],
  times: ReadonlyMap<string, readonly number[]>,
  measured: Readonly<Record<string, Measured>>,
): Record<string, number> {
  const ratios: Record<string, number> = {};
  const called = key ?? ((a, b, figure) => `${a}/${b}@${caseName}${figure ? `-${figure}` : ''}`);
  for (const baseline of baselines) {
    const theirs = times.get(baseline);
    if (!theirs) continue;
    for (const { name } of contenders) {
      if (baselines.includes(name)) continue;
      const ofTimes = times.get(name)!.map((ms, i) => ms / theirs[i]!);
      ratios[called(name, baseline)] = median(ratio === 'speed' ? ofTimes.map((value) => 1 / value) : ofTimes);
      for (const [figure, value] of Object.entries(measured[name]!.figures ?? {})) {
        const other = measured[baseline]!.figures?.[figure];
        if (other) ratios[called(name, baseline, figure)] = value / other;
      }
    }
  }
  return ratios;
}
