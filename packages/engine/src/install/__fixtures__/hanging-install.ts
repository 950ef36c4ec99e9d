// An install that stops in the middle of its unpacking, for a test to kill. PROTOMEM_CACHE is set by the test.
import { mkdirSync, writeFileSync } from 'node:fs';
import { install } from '../install.ts';

const unused = (): never => {
  throw new Error('unused');
};
await install(
  { force: true },
  {
    findTools: async () => ({ compiler: '', python: '' }),
    unpackFromPip: async (_python, _requirement, { folder }) => {
      mkdirSync(`${folder}/tensorflow`);
      writeFileSync(`${folder}/tensorflow/libtensorflow_cc.so.2`, 'half of a libr');
      console.log('unpacking');
      // Holds the process up, as a child process or a stream would.
      return new Promise(() => setInterval(() => undefined, 1000));
    },
    compileBinding: unused,
    probeBinding: unused,
  },
);
