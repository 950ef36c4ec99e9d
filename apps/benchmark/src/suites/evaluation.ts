import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Random } from '@protomem/core';
import { startAll } from '../contender.ts';
import type { Case, Suite } from '../suite.ts';
import { timed } from '../timed.ts';

const OURS = join(import.meta.dirname, 'evaluation-step.ts');
/** As many pairs as the 1:1 protocol of IJB-C has. */
const IJBC = { same: 19_557, different: 15_638_932 };
const about = 'TAR@FAR of 15.7 million scores, 10-fold accuracy of 6,000 pairs, against scikit-learn and numpy';

/** Figures from scores that are the same for all contenders: each figure's ratio shows whether they agree. */
export const evaluation: Suite = {
  about,
  async run(run) {
    const dir = await mkdtemp(join(tmpdir(), 'protomem-scores-'));
    try {
      run.say('drawing scores');
      const large = await writeScores(dir, 'large', IJBC.same, IJBC.different);
      const lfw = await writeScores(dir, 'lfw', 3000, 3000);
      const step = (name: string, task: string, ways: readonly string[], files: readonly string[]): Case => ({
        name,
        key: (a, b, figure) => `${a}/${b}@${name}${figure ? `-${figure}` : ''}`,
        baselines: ['scikit-learn', 'numpy'],
        ratio: 'speed',
        contenders: (report) =>
          startAll(report, [
            ...ways.map((way) => [way, OURS, task, way, ...files] as const),
            ...['scikit-learn', 'numpy'].map(
              (library) => [library, 'evaluation_step.py', task, library, ...files] as const,
            ),
          ]),
      });
      return await timed({
        about,
        warmup: 1,
        rounds: { full: 9, quick: 3 },
        cases: [step('15.7M', 'tar-at-far', ['tar-at-far'], large), step('6k', 'ten-fold', ['ten-fold', 'grid'], lfw)],
      }).run(run);
    } finally {
      await rm(dir, { recursive: true, force: true });
    }
  },
};

/** Cosines as an encoder gives them, pairs of a kind in blocks of a tenth; float32. */
async function writeScores(dir: string, name: string, same: number, different: number): Promise<[string, string]> {
  const random = new Random(1);
  const scores = new Float32Array(same + different);
  const labels = new Uint8Array(same + different);
  let i = 0;
  for (let fold = 0; fold < 10; fold++) {
    for (const [kind, count] of [
      [1, same],
      [0, different],
    ] as const) {
      const end = i + Math.floor(((fold + 1) * count) / 10) - Math.floor((fold * count) / 10);
      for (; i < end; i++) {
        labels[i] = kind;
        scores[i] = Math.max(-1, Math.min(1, kind ? random.normal(0.55, 0.15) : random.normal(0, 0.07)));
      }
    }
  }
  const files: [string, string] = [join(dir, `${name}.f32`), join(dir, `${name}.u8`)];
  await writeFile(files[0], scores);
  await writeFile(files[1], labels);
  return files;
}
