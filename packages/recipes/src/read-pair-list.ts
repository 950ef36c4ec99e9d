import { ProtomemError } from '@protomem/core';
import { type PairList, readLfwPairs } from '@protomem/data';

/** The pairs of `evaluation.pairs.file`; says where a file that is missing may lie. */
export const readPairList = (file: string): Promise<PairList> =>
  readLfwPairs(file).catch((cause: Error) => {
    if ((cause.cause as NodeJS.ErrnoException | undefined)?.code !== 'ENOENT') throw cause;
    const expected = "LFW's pairsDevTest.txt, or another list of its form";
    const fix = 'Put it into the folder of images or beside it, or --set evaluation.pairs.file=PATH.';
    throw new ProtomemError({ where: 'evaluation.pairs', what: file, got: 'missing', expected, fix }, { cause });
  });
