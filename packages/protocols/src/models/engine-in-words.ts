import { engineInUse } from '@protomem/engine';

/** What a model runs on: the engine in use, its device, and its precision where that is no float32. */
export async function engineInWords(): Promise<string> {
  const { engine, device, precision } = await engineInUse();
  return `${engine} (${device}${precision === 'float32' ? '' : `, ${precision}`})`;
}
