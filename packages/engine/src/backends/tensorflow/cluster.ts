import { check, integer, number, ProtomemError, readOptions, type Settings } from '@protomem/core';
import { isLoopback, protobuf, splitAddress } from '@protomem/core/node';
import * as tf from '@tensorflow/tfjs';
import { type Cluster, clusterOptions, timeoutBounds } from '../../collective/cluster.ts';
import type { Collective, Reduction } from '../../collective/collective.ts';
import type { Binding, Handle } from './bfloat16.ts';
import { type Attributes, attributeList, execute, type TensorflowBackend } from './execute.ts';

const { bytes, text, varint } = protobuf;

/** Field numbers of tensorflow/core/protobuf/tensorflow_server.proto, cluster.proto and config.proto. */
const Server = { cluster: 1, jobName: 2, taskIndex: 3, sessionConfig: 4, protocol: 5 } as const;
const JOB = 1;
const Job = { name: 1, tasks: 2 } as const;
const MapEntry = { key: 1, value: 2 } as const;
const EXPERIMENTAL = 16;
const GROUP_LEADER = 1;

const task = (rank: number): string => `/job:worker/replica:0/task:${rank}`;

/** How TensorFlow is told of a cluster: a `ServerDef`. */
export function serverDef({ rank, addresses }: Cluster): Uint8Array {
  const tasks = addresses.map((address, i) => bytes(Job.tasks, varint(MapEntry.key, i), text(MapEntry.value, address)));
  return protobuf.joined(
    bytes(Server.cluster, bytes(JOB, text(Job.name, 'worker'), ...tasks)),
    text(Server.jobName, 'worker'),
    varint(Server.taskIndex, rank),
    bytes(Server.sessionConfig, bytes(EXPERIMENTAL, text(GROUP_LEADER, task(0)))),
    text(Server.protocol, 'grpc'),
  );
}

/** Checks a cluster; one process alone is none. */
export function readCluster(given: Cluster | undefined): Settings<typeof clusterOptions> | undefined {
  if (!given) return undefined;
  const cluster = readOptions('loadEngine: cluster', clusterOptions, given);
  const { rank, addresses } = cluster;
  integer('loadEngine: cluster', 'rank', rank, 0, addresses.length - 1);
  const wrong = addresses.find((address) => !/^(\[[0-9a-f:]+\]|[\w.-]+):\d{1,5}$/i.test(address));
  check(wrong === undefined, () => ({
    where: 'loadEngine: cluster',
    what: 'an address',
    got: wrong,
    expected: 'host:port',
  }));
  check(new Set(addresses).size === addresses.length, () => ({
    where: 'loadEngine: cluster',
    what: 'addresses',
    got: addresses,
    expected: 'one of its own for each rank',
  }));
  return addresses.length > 1 ? cluster : undefined;
}

/** What `cpp/collectives.cc` of `@protomem/native` reads, and answers. */
const [DEFINITION, LISTEN, STATUS] = ['PROTOMEM_CLUSTER', 'PROTOMEM_CLUSTER_LISTEN', 'PROTOMEM_CLUSTER_STATUS'];

/** Has TensorFlow join a cluster while `load` loads it; it cannot do so later. */
export function loadInCluster<T>(cluster: Cluster, load: () => T): T {
  const { env } = process;
  const address = cluster.addresses[cluster.rank]!;
  const { host, port } = splitAddress(address);
  env[DEFINITION] = Buffer.from(serverDef(cluster)).toString('hex');
  env[LISTEN] = `${cluster.listen ?? host}:${port}`;
  delete env[STATUS];
  try {
    const loaded = load();
    const { [STATUS]: status } = env;
    check(status !== undefined, () => ({
      where: 'loadEngine',
      what: 'the binding of TensorFlow',
      got: 'one without collectives',
      expected: 'one of this release, for a cluster',
      fix: 'npx protomem-engine install (of @protomem/native) compiles it.',
    }));
    check(status.startsWith(JOINED), () => ({
      where: `rank ${cluster.rank} of ${cluster.addresses.length}`,
      what: `the server at ${address}`,
      got: `not starting: ${status}`,
      expected: `one that listens ${cluster.listen ? `at ${cluster.listen}` : 'there'}`,
      fix: 'Is the port free, and the address one of this machine? PROTOMEM_LISTEN says which, 0.0.0.0 for all.',
    }));
    checkReached(cluster, status.slice(JOINED.length));
    return loaded;
  } finally {
    for (const name of [DEFINITION, LISTEN, STATUS]) delete env[name];
  }
}

const JOINED = 'joined at ';

/** Debian's machines take their own names for the loopback, on which the ranks of others would not find them. */
function checkReached({ rank, addresses }: Cluster, listens: string): void {
  const hosts = addresses.map((address) => splitAddress(address).host);
  const elsewhere = hosts.find((host) => host !== hosts[rank] && !isLoopback(host));
  check(elsewhere === undefined || !isLoopback(listens), () => ({
    where: `rank ${rank} of ${addresses.length}`,
    what: `the address of ${hosts[rank]}`,
    got: `${listens}, the loopback`,
    expected: `one that ${elsewhere} reaches`,
    fix: 'PROTOMEM_LISTEN says at which address of this machine it listens; /etc/hosts says what its name is.',
  }));
}

/** Of all ranks; one process is part of one cluster. */
const GROUP = 1;

const REDUCE = 'CollectiveReduceV2';

const reducing = (reduction: Reduction): Attributes => ({
  merge_op: ['STRING', reduction === 'max' ? 'Max' : 'Add'],
  final_op: ['STRING', reduction === 'mean' ? 'Div' : 'Id'],
  Nordering_token: ['INT', 0],
  max_subdivs_per_device: ['INT', -1],
});

/** `cpp/collectives.cc` of `@protomem/native` reads it. */
const abortAfter = (seconds: number): Attributes => ({ abort_after_seconds: ['FLOAT', seconds] });

/** {@link Collective} by TensorFlow's own ops: gRPC between CPUs, NCCL between GPUs. */
export function clusterCollective(backend: tf.KernelBackend, cluster: Settings<typeof clusterOptions>): Collective {
  const { rank, addresses } = cluster;
  const size = addresses.length;
  /** Of the next call: the same on all ranks, never used twice. */
  let instance = 1;
  let broken: string | undefined;
  const limit = abortAfter(cluster.timeoutSeconds);

  /** Says in a sentence who failed whom, and refuses everything after that. */
  function attempt<T>(what: string, run: () => T, seconds = cluster.timeoutSeconds): T {
    check(broken === undefined, () => ({
      where: `rank ${rank} of ${size}: ${what}`,
      what: 'the cluster',
      got: broken,
      expected: 'one that is whole',
      fix: 'Start all processes anew; a run goes on from its newest checkpoint.',
    }));
    const begun = performance.now();
    try {
      return run();
    } catch (error) {
      if (error instanceof ProtomemError) throw error;
      // Ticks of a tenth of a second are not exact.
      const waitedFully = performance.now() - begun >= 900 * seconds;
      // tfjs-node puts the number of the status first.
      const reason = (error as Error).message.replace(/^Invalid TF_Status: \d+\s*Message: /, '').split('\n')[0]!;
      broken = `broken off: ${what} failed (${reason})`;
      throw new ProtomemError(
        {
          where: `rank ${rank} of ${size}: ${what}`,
          what: peersIn(reason, cluster),
          got: `${whyOf(reason, waitedFully ? seconds : undefined)} (${reason})`,
          expected: 'there, taking part in the same call',
          fix: 'Its own output says why. Start all processes anew; a run goes on from its newest checkpoint.',
        },
        { cause: error },
      );
    }
  }

  const nextIds = (): tf.Scalar[] => [size, GROUP, instance++].map((id) => tf.scalar(id, 'int32'));

  function call(op: string, inputs: readonly tf.Tensor[], dtype: tf.DataType, more: Attributes, timeout?: number) {
    const ids = nextIds();
    const [result] = execute(backend, op, [...inputs.slice(0, 1), ...ids, ...inputs.slice(1)], {
      T: ['TYPE', dtype === 'int32' ? 'INT32' : 'FLOAT'],
      ...more,
      ...abortAfter(timeout ?? cluster.timeoutSeconds),
    });
    return result;
  }

  const reduce = (tensor: tf.Tensor, reduction: Reduction, name = REDUCE, timeout?: number): tf.Tensor =>
    call(name, [tensor], tensor.dtype, reducing(reduction), timeout);

  function startInFloat32(all: tf.Tensor, reduction: Reduction): () => tf.Tensor {
    const sum = tf.keep(tf.tidy(() => reduce(all, reduction, `background:${REDUCE}`)));
    return () => {
      const [found] = execute(backend, 'Identity', [sum], limit);
      sum.dispose();
      return found;
    };
  }

  /** tfjs has no tensors of that type: their numbers in TensorFlow's binding stand for them. */
  function startInBfloat16(all: tf.Tensor, reduction: Reduction): () => tf.Tensor {
    const own = backend as TensorflowBackend & { readonly binding: Binding };
    const run = (op: string, inputs: number[], attributes: Attributes): Handle =>
      own.binding.executeOp(op, attributeList(backend, attributes), inputs, 1)[0]!;
    const cast = (from: string, to: string, id: number, more: Attributes = {}): Handle =>
      run('Cast', [id], { SrcT: ['TYPE', from], DstT: ['TYPE', to], Truncate: ['BOOL', false], ...more });
    const narrow = cast('FLOAT', 'BFLOAT16', own.getInputTensorIds([all])[0]!);
    const ids = nextIds();
    const sum = run(`background:${REDUCE}`, [narrow.id, ...own.getInputTensorIds(ids)], {
      T: ['TYPE', 'BFLOAT16'],
      ...reducing(reduction),
    });
    tf.dispose(ids);
    own.binding.deleteTensor(narrow.id);
    return () => {
      const wide = cast('BFLOAT16', 'FLOAT', sum.id, limit);
      own.binding.deleteTensor(sum.id);
      return own.createOutputTensor(wide);
    };
  }

  function reduceAll<T extends tf.Tensor>(tensors: readonly T[], reduction: Reduction): T[] {
    checkDtypes(tensors, reduction === 'mean' ? ['float32'] : ['float32', 'int32']);
    return attempt('allReduce', () =>
      tf.tidy(() => {
        const found = new Map<T, tf.Tensor>();
        // Of nothing nothing travels: TensorFlow ends the process.
        for (const tensor of tensors) if (tensor.size === 0) found.set(tensor, tf.clone(tensor));
        for (const dtype of ['float32', 'int32']) {
          const those = tensors.filter((tensor) => tensor.dtype === dtype && tensor.size > 0);
          if (those.length === 0) continue;
          for (const [i, part] of apart(reduce(together(those), reduction), those).entries())
            found.set(those[i]!, part);
        }
        return tensors.map((tensor) => found.get(tensor) as T);
      }),
    );
  }

  const barrier = (timeoutSeconds = cluster.timeoutSeconds): void => {
    const seconds = number('barrier', 'timeoutSeconds', timeoutSeconds, timeoutBounds.min, timeoutBounds.max);
    attempt('barrier', () => tf.tidy(() => reduce(tf.scalar(1), 'sum', undefined, seconds).dataSync()), seconds);
  };

  return {
    rank,
    size,
    allReduce: reduceAll,
    startAllReduce<T extends tf.Tensor>(tensors: readonly T[], reduction: Reduction, bfloat16 = false) {
      checkDtypes(tensors, ['float32']);
      if (tensors.every(({ size }) => size === 0)) return () => tensors.map((tensor) => tf.clone(tensor));
      const finish = attempt('startAllReduce', () => {
        const all = tf.tidy(() => together(tensors));
        const begun = bfloat16 ? startInBfloat16(all, reduction) : startInFloat32(all, reduction);
        all.dispose();
        return begun;
      });
      const shapes = tensors.map(({ shape, size: length }) => ({ shape, size: length }));
      return () =>
        attempt('startAllReduce', () => {
          const all = finish();
          const parts = tf.tidy(() => apart(all, shapes));
          all.dispose();
          return parts as T[];
        });
    },
    allGather(tensor) {
      checkDtypes([tensor], ['float32', 'int32']);
      const [rows, ...rest] = tensor.shape;
      check(rows !== undefined, () => ({
        where: 'allGather',
        what: 'shape of the tensor',
        got: tensor.shape,
        expected: '[n, ...], which come one below the other',
      }));
      const gathered =
        tensor.size === 0
          ? tf.zeros([rows * size, ...rest], tensor.dtype)
          : attempt('allGather', () =>
              tf.tidy(() => call('CollectiveGatherV2', [tensor], tensor.dtype, { Nordering_token: ['INT', 0] })),
            );
      return gathered as typeof tensor;
    },
    broadcast(tensors, from = 0) {
      integer('broadcast', 'from', from, 0, size - 1);
      // Nothing is lost by a sum with zeros, and it is one op for senders and receivers.
      return reduceAll(rank === from ? tensors : tensors.map((tensor) => tf.zerosLike(tensor)), 'sum');
    },
    barrier,
    close() {
      if (broken === undefined) barrier();
      broken = 'closed';
    },
  };
}

function checkDtypes(tensors: readonly tf.Tensor[], known: readonly string[]): void {
  const wrong = tensors.find(({ dtype }) => !known.includes(dtype));
  check(wrong === undefined, () => ({
    where: 'collective',
    what: 'the dtype of a tensor',
    got: wrong!.dtype,
    expected: known.join(' or '),
  }));
}

/** Tensors of one dtype in one piece. */
const together = (tensors: readonly tf.Tensor[]): tf.Tensor =>
  tensors.length === 1 ? tf.reshape(tensors[0]!, [-1]) : tf.concat(tensors.map((tensor) => tf.reshape(tensor, [-1])));

function apart(all: tf.Tensor, shapes: readonly { readonly shape: number[]; readonly size: number }[]): tf.Tensor[] {
  const parts =
    shapes.length === 1
      ? [all]
      : tf.split(
          all,
          shapes.map(({ size }) => size),
        );
  return parts.map((part, i) => tf.reshape(part, shapes[i]!.shape));
}

/** What TensorFlow's message says of the others, where this rank has waited for so long, or less than it may. */
function whyOf(reason: string, seconds: number | undefined): string {
  if (/mismatch/i.test(reason)) return 'in another call';
  if (!/time[d]? ?out|deadline/i.test(reason)) return 'gone';
  return seconds === undefined ? 'no longer waiting for this rank' : `silent for ${seconds} s or longer`;
}

/** The ranks that TensorFlow's message is about, with their addresses; all others where it names none. */
function peersIn(message: string, { rank, addresses }: Cluster): string {
  const named = [...message.matchAll(/task:(\d+)/g)].map(([, number]) => Number(number));
  const others = addresses.map((_, i) => i).filter((i) => i !== rank);
  const meant = others.filter((i) => named.includes(i));
  return (meant.length > 0 ? meant : others).map((i) => `rank ${i} at ${addresses[i]}`).join(' or ');
}
