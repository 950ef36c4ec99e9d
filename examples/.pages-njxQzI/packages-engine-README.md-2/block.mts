import { clusterFromEnvironment, collective, loadEngine } from '@protomem/engine';
import * as tf from '@tensorflow/tfjs';

// Its place among others, by the variables of torchrun, srun or TF_CONFIG; undefined for one process alone.
await loadEngine({ cluster: await clusterFromEnvironment() });
const { rank, size, allReduce, close } = collective();
const [sum] = allReduce([tf.tensor1d([1, 2])], 'sum'); // the same on all ranks
console.log(`rank ${rank} of ${size}: ${sum}`);
close();

export {};
