import { doctor, installEngine, printExamination } from '@protomem/native';

const found = await doctor(); // loads each engine in a process of its own
console.log(printExamination(found));
const { node } = found.engines;
if ('reason' in node) {
  console.log(`No native engine: ${node.reason} Installing it ...`);
  // What was installed, or why it cannot be here.
  console.log(await installEngine({ say: console.log }).catch((error: Error) => error.message));
}

export {};
