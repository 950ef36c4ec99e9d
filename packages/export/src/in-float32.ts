import { engineInUse, loadEngine } from '@protomem/engine';

/**
 * Does work on the engine in use in float32, since models are compared to four digits and more; afterwards the engine has the
 * precision again that the caller gave it.
 */
export async function inFloat32<T>(work: () => Promise<T>): Promise<T> {
  const { engine: prefer, precision } = await engineInUse();
  if (precision === 'float32') return work();
  await loadEngine({ prefer });
  try {
    return await work();
  } finally {
    await loadEngine({ prefer, precision });
  }
}
