import { appendFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { jsonlLogger } from './jsonl-logger.ts';
import { readRunLog } from './read-log.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'protomem-log-'));
});
afterEach(() => rm(directory, { recursive: true }));

describe('readRunLog', () => {
  it('gives back what the logger wrote, without a last line that was cut short', async () => {
    const path = join(directory, 'log.jsonl');
    const logger = jsonlLogger(path);
    await logger.start?.({ step: 0, steps: 2, batchSize: 4, batchesPerEpoch: 5 });
    logger.log({ 'train/loss': 3.5, 'speed/step_seconds': 0.5, 'head/hitRate': 0.25, 'train/learning_rate': 0.1 }, 1);
    logger.log({ 'train/loss': 3, 'speed/step_seconds': 0.25, 'speed/waiting_share': 0.1, 'head/occupancy': 1 }, 2);
    logger.log({ 'evaluation/accuracy': 0.75, 'evaluation/standard_error': 0.01 }, 2);
    await logger.close();
    await appendFile(path, '{"step":3,"time":1,"train/loss":2.');
    expect(await readRunLog(path)).toEqual({
      seconds: 0.75,
      steps: [
        { step: 1, loss: 3.5, learningRate: 0.1, hitRate: 0.25 },
        { step: 2, loss: 3, dataWait: 0.1, occupancy: 1 },
      ],
      evaluations: [{ step: 2, accuracy: 0.75, standardError: 0.01 }],
    });
  });

  it('says when there is no such file', async () => {
    await expect(readRunLog(join(directory, 'none.jsonl'))).rejects.toThrow('ENOENT');
  });
});
