import { classesByImages, createLoader, folderSource } from '../index.ts';

// A program that ends with or without closing its loader.
const [dir, ending] = process.argv.slice(2);
const source = await folderSource(dir!);
const sampler = classesByImages({ source, classes: 3, images: 2 });
const loader = createLoader({ source, sampler, height: 12, width: 10, workers: 1 });
await loader.next();
// Either all that was made ahead has arrived, or it arrives while the loader is being closed.
if (ending === 'close while busy') Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300);
else await new Promise((resolve) => setTimeout(resolve, 300));
if (ending !== 'forget') await loader.close();
console.log('end reached');
