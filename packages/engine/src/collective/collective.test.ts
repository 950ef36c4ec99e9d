import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { freePort, joinAddress } from '@protomem/core/node';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { type Ended, elsewhere } from '../../fixtures/elsewhere.ts';
import { serverDef } from '../backends/tensorflow/cluster.ts';
import { loadEngine } from '../load-engine.ts';
import { batchNormTraining } from '../ops/batch-norm-training.ts';
import { enginesAtHand, expectClose, leaked, useEngine } from '../testing.ts';
import { collective, gatherJson } from './collective.ts';

const engines = await enginesAtHand();

async function listen(): Promise<Server> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

const freeAddresses = (count: number): Promise<string[]> =>
  Promise.all(Array.from({ length: count }, async () => joinAddress('127.0.0.1', await freePort('127.0.0.1'))));

/** Runs a body, which has `rank` and `c`, in a process for each rank. */
async function together(
  body: string,
  { size = 2, seconds = 60, addresses = [] as string[], listen = [] as string[] } = {},
): Promise<Ended[]> {
  const all = addresses.length > 0 ? addresses : await freeAddresses(size);
  const module = JSON.stringify(new URL('./collective.ts', import.meta.url).pathname);
  const run = (rank: number): Promise<Ended> =>
    elsewhere(`const rank = ${rank};
      const cluster = { rank, addresses: ${JSON.stringify(all)}, timeoutSeconds: ${seconds}, listen: ${JSON.stringify(listen)}[rank] };
      try {
        await loadEngine({ prefer: 'node', threads: 1, cluster });
        const { collective, gatherJson, checkSame } = await import(${module});
        const c = collective();
        ${body}
      } catch (error) { return { refused: error.message }; }`);
  return Promise.all(all.map((_, rank) => run(rank)));
}

describe.each(engines)('one process on %s', (engine) => {
  it('is a cluster of its own, and gets back what it gives', async () => {
    await useEngine(engine);
    const alone = collective();
    expect([alone.rank, alone.size]).toEqual([0, 1]);
    const x = tf.tensor2d([[1, 2]]);
    const results = [
      ...alone.allReduce([x], 'mean'),
      alone.allGather(x),
      ...alone.broadcast([x]),
      ...alone.startAllReduce([x], 'sum')(),
    ];
    for (const result of results) expect(result.arraySync()).toEqual([[1, 2]]);
    tf.dispose(results);
    expect(gatherJson(alone, { a: 1 })).toEqual([{ a: 1 }]);
    expect(leaked(() => tf.dispose(alone.allReduce([x], 'sum')))).toBe(0);
    alone.barrier();
    alone.close();
  });
});

it('says what a cluster has to be, and which engines have none', async () => {
  const two = ['127.0.0.1:1', '127.0.0.1:2'];
  const refuse = (cluster: object, prefer: 'node' | 'wasm' = 'node') =>
    expect(loadEngine({ prefer, cluster: cluster as never })).rejects;
  await refuse({ rank: 0, addresses: two }, 'wasm').toThrow(
    /cluster is "2 processes", expected one: the engine "wasm"/,
  );
  if (!engines.includes('node')) return;
  await refuse({ rank: 2, addresses: two }).toThrow(/cluster: rank is 2, expected an integer in \[0, 1\]/);
  await refuse({ rank: 0, addresses: ['a', 'b'] }).toThrow(/an address is "a", expected host:port/);
  await refuse({ rank: 0, addresses: ['a:1', 'a:1'] }).toThrow(/expected one of its own for each rank/);
  await refuse({ rank: 0, addresses: two }).toThrow(/already loaded in this process/);
  expect((await loadEngine({ prefer: 'node', cluster: { rank: 0, addresses: ['127.0.0.1:1'] } })).engine).toBe('node');
});

it('is told to TensorFlow in its own words', () => {
  // cluster { job { name, tasks { key, value } } }, job_name, task_index, default_session_config { experimental { collective_group_leader } }, protocol
  expect(Buffer.from(serverDef({ rank: 1, addresses: ['a:1', 'b:2'] })).toString('latin1')).toBe(
    [
      '\n\x1c\n\x1a\n\x06worker\x12\x07\x08\x00\x12\x03a:1\x12\x07\x08\x01\x12\x03b:2',
      '\x12\x06worker\x18\x01',
      '\x22\x21\x82\x01\x1e\n\x1c/job:worker/replica:0/task:0',
      '*\x04grpc',
    ].join(''),
  );
});

/** What one process finds for all rows, on whatever engine. */
async function expectedOfOne(values: number[], weights: number[]): Promise<{ found: number[][]; moments: number[] }> {
  await useEngine(engines[0]!);
  const shape: [number, number, number, number] = [8, 2, 1, 3];
  const [x, w] = [tf.tensor4d(values, shape), tf.tensor4d(weights, shape)];
  const [scale, offset] = [tf.tensor1d([1, 2, 3]), tf.tensor1d([4, 5, 6])];
  const { y, mean, variance, count } = batchNormTraining(x, scale, offset);
  const loss = (...given: tf.Tensor[]) =>
    tf.sum(tf.mul(batchNormTraining(...(given as [typeof x, typeof scale, typeof offset])).y, w));
  const found = [y, ...tf.grads(loss)([x, scale, offset])].map((tensor) => [...tensor.dataSync()]);
  return { found, moments: [...mean.dataSync(), ...variance.dataSync(), count] };
}

describe.skipIf(!engines.includes('node'))('several processes', { concurrent: true, timeout: 300_000 }, () => {
  it('get the same sums, means, largest values, rows and words, and leave no tensor', async () => {
    const all = await together(
      `
      const before = tf.memory().numTensors;
      const found = tf.tidy(() => {
        const [sum, scalar, whole] = c.allReduce([tf.tensor2d([[1 + rank, 2]]), tf.scalar(rank), tf.tensor1d([2 ** 24 + rank, -rank], 'int32')], 'sum');
        const finish = c.startAllReduce([tf.tensor1d([rank, 3]), tf.scalar(rank)], 'mean');
        const half = c.startAllReduce([tf.tensor1d([1.001, rank]), tf.scalar(-257)], 'sum', true);
        const product = tf.matMul(tf.ones([64, 64]), tf.ones([64, 64])).arraySync()[0][0];
        return [sum, scalar, whole, ...c.allReduce([tf.tensor1d([rank, -rank])], 'max'),
          c.allGather(tf.tensor2d([[rank, 7]])), c.allGather(tf.tensor1d([2 ** 30 + rank], 'int32')),
          ...c.broadcast([tf.tensor1d([rank + 5])], 2), ...finish(), ...half()].map((tensor) => tensor.arraySync()).concat(product);
      });
      const words = gatherJson(c, { rank, name: 'é'.repeat(rank) });
      let refused = [];
      for (const run of [() => checkSame(c, 'here', 'the seed', String(rank === 1), 'Same seed.'), () => c.allReduce([tf.tensor1d([true], 'bool')], 'sum')]) {
        try { run(); } catch (error) { refused.push(error.message); }
      }
      const left = tf.memory().numTensors - before - 1;
      c.close();
      try { c.barrier(); } catch (error) { refused.push(error.message); }
      return { found, words, refused, left };`,
      { size: 3 },
    );
    for (const [rank, { result, stderr, code }] of all.entries()) {
      expect(stderr).toBe('');
      expect(code).toBe(0);
      expect(result.found).toEqual([
        ...[[[6, 6]], 3, [3 * 2 ** 24 + 3, -3], [2, 0]],
        ...[
          [
            [0, 7],
            [1, 7],
            [2, 7],
          ],
          [2 ** 30, 2 ** 30 + 1, 2 ** 30 + 2],
          [7],
          [1, 3],
          1,
          // Not 3.003 and -771.
          [3, 3],
          -768,
          64,
        ],
      ]);
      expect(result.words).toEqual([
        { rank: 0, name: '' },
        { rank: 1, name: 'é' },
        { rank: 2, name: 'éé' },
      ]);
      expect(result.left).toBe(0);
      expect(result.refused[0]).toBe(
        'here: the seed of rank 1 is "true", expected false, as rank 0 has it. Same seed.',
      );
      expect(result.refused[1]).toMatch(/the dtype of a tensor is "bool"/);
      expect(result.refused[2]).toMatch(new RegExp(`rank ${rank} of 3: barrier: the cluster is "closed"`));
    }
  });

  it('normalize by the moments of all rows, and pass back what the whole batch would', async () => {
    const rows = [5, 3];
    const values = Array.from({ length: 8 * 2 * 3 }, (_, i) => Math.sin(7 * i) + (i % 3) * 10);
    const weights = values.map((_, i) => Math.cos(3 * i));
    const all = await together(
      `
      const { synchronizedBatchNorm } = await import(${JSON.stringify(new URL('../ops/synchronized-batch-norm.ts', import.meta.url).pathname)});
      const own = (values) => tf.tensor4d(values.slice(rank * 30, rank * 30 + [30, 18][rank]), [${JSON.stringify(rows)}[rank], 2, 1, 3]);
      const [x, w, scale, offset] = [own(${JSON.stringify(values)}), own(${JSON.stringify(weights)}), tf.tensor1d([1, 2, 3]), tf.tensor1d([4, 5, 6])];
      const run = () => {
        const { y, mean, variance, count } = synchronizedBatchNorm(x, scale, offset, c);
        const moments = [...mean.arraySync(), ...variance.arraySync(), count];
        tf.dispose([mean, variance]);
        return { y, moments };
      };
      const { y, moments } = run();
      const gradients = tf.grads((x, scale, offset) => tf.sum(tf.mul(tf.tidy(() => synchronizedBatchNorm(x, scale, offset, c).y), w)))([x, scale, offset]);
      const found = [y, ...gradients].map((tensor) => [...tensor.dataSync()]);
      tf.dispose([y, gradients]);
      const left = tf.memory().numTensors - 4;
      c.close();
      return { found, moments, left };`,
    );
    const alone = await expectedOfOne(values, weights);
    for (const { result, stderr } of all) {
      expect(stderr).toBe('');
      expect(result.left).toBe(0);
      expectClose(result.moments, alone.moments, 1e-6);
    }
    const [first, second] = all.map(({ result }) => result.found as number[][]);
    expectClose([...first![0]!, ...second![0]!], alone.found[0]!, 1e-5);
    expectClose([...first![1]!, ...second![1]!], alone.found[1]!, 1e-5);
    for (const part of [2, 3])
      expectClose(
        first![part]!.map((value, i) => value + second![part]![i]!),
        alone.found[part]!,
        1e-5,
      );
  });

  it('name who is gone, at once, and refuse what comes after', async () => {
    const [left, stayed] = await together(`
      c.barrier();
      if (rank === 0) { process.kill(process.pid, 'SIGKILL'); await new Promise(() => setTimeout(() => 0, 1e5)); }
      const refused = [];
      for (const run of [() => c.allReduce([tf.scalar(1)], 'sum')[0].dataSync(), () => c.barrier(), () => c.close()]) {
        try { run(); } catch (error) { refused.push(error.message); }
      }
      return refused;`);
    expect(left!.signal).toBe('SIGKILL');
    expect(stayed!.result[0]).toMatch(/^rank 1 of 2: allReduce: rank 0 at 127.0.0.1:\d+ is "gone \(.*expected there/);
    expect(stayed!.result[1]).toMatch(/^rank 1 of 2: barrier: the cluster is "broken off: allReduce failed/);
    expect(stayed!.result).toHaveLength(2);
  });

  it('do not wait for ever for one that is silent, in front or behind', async () => {
    const [late, waited] = await together(
      `
      c.barrier(60);
      if (rank === 0) {
        await new Promise((resolve) => setTimeout(resolve, 6000));
        try { c.allReduce([tf.scalar(1)], 'sum'); } catch (error) { return error.message; }
      }
      try { c.startAllReduce([tf.scalar(1)], 'sum')(); } catch (error) {
        await new Promise((resolve) => setTimeout(resolve, 9000));
        return error.message;
      }`,
      { seconds: 2 },
    );
    expect(late!.result?.refused ?? late!.result).toMatch(/rank 1 at .* is "no longer waiting for this rank \(/);
    // TensorFlow's own limit of time let go of what was still written to.
    expect([waited!.signal, waited!.code]).toEqual([null, 0]);
    expect(waited!.result?.refused ?? waited!.result).toMatch(
      /^rank 1 of 2: startAllReduce: rank 0 at 127.0.0.1:\d+ is "silent for 2 s or longer/,
    );
  });

  it('blame nobody after a stop of all of them, and take a limit of its own where one is busy', async () => {
    const all = await together(
      `
      c.barrier(60);
      const { spawn } = await import('node:child_process');
      const pids = gatherJson(c, process.pid).join(' ');
      let done = 0;
      if (rank === 0) {
        const stop = spawn('sh', ['-c', 'kill -STOP ' + pids + '; sleep 4; kill -CONT ' + pids]);
        stop.on('close', () => { done = 1; });
      }
      for (let over = 0; over < 1; ) {
        const [ready] = c.allReduce([tf.scalar(done)], 'sum');
        over = ready.dataSync()[0];
        ready.dispose();
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      if (rank === 0) await new Promise((resolve) => setTimeout(resolve, 3000));
      c.barrier(30);
      if (rank === 0) { await new Promise((resolve) => setTimeout(resolve, 6000)); return 'well'; }
      try { c.barrier(1.5); } catch (error) { return error.message; }`,
      { seconds: 2 },
    );
    expect(all[0]!.result).toBe('well');
    expect(all[1]!.result?.refused ?? all[1]!.result).toMatch(/barrier: rank 0 at .* is "silent for 1.5 s or longer/);
  });

  it('pass on nothing, and refuse what cannot be put one below the other', async () => {
    const all = await together(`
      const refused = [];
      try { c.allGather(tf.scalar(1)); } catch (error) { refused.push(error.message); }
      try { c.barrier(1e10); } catch (error) { refused.push(error.message); }
      const [none, one] = c.allReduce([tf.zeros([0, 3]), tf.scalar(1)], 'sum');
      const found = [c.allGather(tf.zeros([0, 3])).shape, c.startAllReduce([], 'sum')(), none.shape, one.dataSync()[0]];
      c.close();
      return { refused, found };`);
    for (const { result, signal } of all) {
      expect(signal).toBe(null);
      expect(result.found).toEqual([[0, 3], [], [0, 3], 2]);
      expect(result.refused[0]).toMatch('allGather: shape of the tensor is [], expected [n, ...]');
      expect(result.refused[1]).toMatch('timeoutSeconds is 10000000000');
    }
  });

  it('listen at their own address, or where they are told, and nowhere else', async () => {
    const body = `
      const { createConnection } = await import('node:net');
      const port = Number(cluster.addresses[rank].split(':')[1]);
      const reached = (host) => new Promise((resolve) => {
        const socket = createConnection({ host, port });
        socket.once('connect', () => resolve(true)).once('error', () => resolve(false)).once('connect', () => socket.destroy());
      });
      c.barrier();
      const found = [await reached('127.0.0.1'), await reached('127.0.0.2')];
      c.close();
      return found;`;
    const free = await freeAddresses(2);
    const [own, everywhere] = await together(body, { listen: ['127.0.0.1', '0.0.0.0'] });
    expect([own!.result, everywhere!.result]).toEqual([
      [true, false],
      [true, true],
    ]);
    const beyond = ['localhost', '192.0.2.1'].map((host, i) => joinAddress(host, Number(free[i]!.split(':')[1])));
    const [first] = await together(body, { addresses: beyond, listen: ['127.0.0.1', '127.0.0.1'], seconds: 1 });
    expect(first!.result.refused).toMatch(
      /the address of localhost is "127\.0\.0\.1, the loopback", expected one that 192\.0\.2\.1 reaches/,
    );
    // Kept for documents: nobody's.
    for (const { result } of await together(body, { listen: ['203.0.113.1', '203.0.113.1'] })) {
      expect(result.refused).toMatch(/not starting: .*expected one that listens at 203\.0\.113\.1/);
    }
  });

  it('say that a port is taken', async () => {
    const taken = await listen();
    const addresses = [`127.0.0.1:${(taken.address() as AddressInfo).port}`, ...(await freeAddresses(1))];
    const [first] = await together('return c.barrier();', { addresses, seconds: 3 });
    expect(first!.result.refused).toMatch(
      /^rank 0 of 2: the server at 127.0.0.1:\d+ is "not starting: .*Is the port free/,
    );
    taken.close();
  });
});
