import { check } from '@protomem/core';
import * as tf from '@tensorflow/tfjs';
import type { EngineName, StartOptions } from '../engine-info.ts';

/** Refuses what an engine without bfloat16 does not have. */
export function checkFloat32(engine: EngineName, { precision }: StartOptions): void {
  check(precision !== 'bfloat16', () => ({
    where: 'loadEngine',
    what: 'precision',
    got: precision,
    expected: `"float32", the only one of the engine "${engine}"`,
  }));
}

/** Refuses what an engine of one thread does not have, but where it is only what was left to choose. */
export function checkOneThread(engine: EngineName, { threads = 1, hardware = false }: StartOptions): void {
  check(threads === 1 || hardware, () => ({
    where: 'loadEngine',
    what: 'threads',
    got: threads,
    expected: `1: the engine "${engine}" has no more`,
  }));
}

/** Makes a backend the active one. */
export async function activate(backend: string, fix?: string): Promise<void> {
  check(await tf.setBackend(backend), () => ({
    where: 'loadEngine',
    what: `the ${backend} backend`,
    got: 'not starting',
    expected: 'a backend that starts',
    fix,
  }));
}

/** Throws unless a package that has been loaded added its backend to our tfjs, and not to another copy of it. */
export function checkSameCore(backend: string, packageName: string): void {
  check(tf.findBackendFactory(backend) !== null, () => ({
    where: 'loadEngine',
    what: `the @tensorflow/tfjs-core that ${packageName} uses`,
    got: 'another copy',
    expected: 'the one that @tensorflow/tfjs uses',
    fix: 'Install all tfjs packages in one version.',
  }));
}
