// Loads one engine and prints what came of it; `doctor` runs this for each.
import { type EngineName, loadEngine } from '@protomem/engine';

try {
  console.log(JSON.stringify(await loadEngine({ prefer: process.argv[2] as EngineName })));
} catch (error) {
  console.log(JSON.stringify({ reason: (error as Error).message.replace(/^loadEngine: /, '') }));
  process.exitCode = 1;
}
