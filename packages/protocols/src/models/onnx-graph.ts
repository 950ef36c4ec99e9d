import { Float16Array } from '@petamoriken/float16';
import { ProtomemError } from '@protomem/core';
import protobuf from 'protobufjs';
import { leavesFolder } from './beside-model.ts';

/**
 * What is read of an ONNX file beside onnxruntime: enough to find external weights and what is done to the input first.
 * Tensors stay bytes until one of them is asked for: of weights only the names are looked at.
 *
 * Source: onnx/onnx.proto, whose field numbers these are.
 */
const { root } = protobuf.parse(`
  syntax = "proto3";
  message Model { int64 irVersion = 1; Graph graph = 7; repeated OperatorSet opsetImport = 8; }
  message OperatorSet { string domain = 1; int64 version = 2; }
  message Graph {
    repeated Node node = 1; string name = 2; repeated bytes initializer = 5;
    repeated Value input = 11; repeated Value output = 12;
  }
  message Node {
    repeated string input = 1; repeated string output = 2; string name = 3; string opType = 4;
    repeated Attribute attribute = 5; string domain = 7;
  }
  message Attribute {
    string name = 1; float f = 2; int64 i = 3; bytes t = 5; Graph g = 6; repeated float floats = 7;
    repeated int64 ints = 8; repeated bytes tensors = 10; repeated Graph graphs = 11; int32 type = 20;
  }
  message TensorHead {
    repeated int64 dims = 1; int32 dataType = 2; string name = 8; repeated Entry externalData = 13; int32 dataLocation = 14;
  }
  message Tensor {
    repeated int64 dims = 1; int32 dataType = 2; repeated float floatData = 4; repeated int32 int32Data = 5; string name = 8; bytes rawData = 9;
    repeated double doubleData = 10; repeated Entry externalData = 13; int32 dataLocation = 14;
  }
  message Entry { string key = 1; string value = 2; }
  message Value { string name = 1; Type type = 2; }
  message Type { TensorType tensorType = 1; }
  message TensorType { int32 elemType = 1; Shape shape = 2; }
  message Shape { repeated Dimension dim = 1; }
  message Dimension { int64 dimValue = 1; string dimParam = 2; }
`);

/** A message of the schema above, for reading and, in tests, for writing. */
export const onnxMessage = (name: string): protobuf.Type => root.lookupType(name);

/** ONNX's numbers for element types. */
export const elementTypes = { float: 1, uint8: 2, int32: 6, int64: 7, float16: 10, double: 11 } as const;

export interface OnnxNode {
  readonly opType: string;
  readonly input: readonly string[];
  readonly output: readonly string[];
  readonly attribute: readonly OnnxAttribute[];
}

interface OnnxAttribute {
  readonly name: string;
  readonly f: number;
  readonly t: Uint8Array;
  readonly g?: Graph | null;
  readonly floats: readonly number[];
  readonly tensors: readonly Uint8Array[];
  readonly graphs: readonly Graph[];
}

interface Graph {
  readonly input?: readonly { readonly name: string }[];
  readonly node: readonly OnnxNode[];
  readonly initializer: readonly Uint8Array[];
}

interface TensorHead {
  readonly name: string;
  readonly dataLocation: number;
  readonly externalData: readonly { readonly key: string; readonly value: string }[];
}

export interface OnnxGraph {
  /** The first input that is no weight. */
  readonly input: string;
  readonly nodes: readonly OnnxNode[];
  /** Names of the files that hold weights, relative to the model, and how many bytes each must have. */
  readonly externalFiles: ReadonlyMap<string, number>;
  /** The values of a constant of up to `most` numbers; undefined for what is none, larger, or in another file. */
  constant(name: string, most: number): readonly number[] | undefined;
}

/**
 * Reads the graph of an ONNX file.
 *
 * @throws ProtomemError for bytes that are no ONNX model
 */
export function readOnnxGraph(file: string, bytes: Uint8Array): OnnxGraph {
  const refuse = (got: string, cause?: unknown): never => {
    const fix = 'Export or download the file again.';
    throw new ProtomemError({ where: 'model', what: file, got, expected: 'an ONNX model', fix }, { cause });
  };
  try {
    const { graph } = onnxMessage('Model').decode(bytes) as unknown as { readonly graph: Graph | null };
    if (!graph || graph.node.length === 0) return refuse('without a graph');
    const externalFiles = new Map<string, number>();
    const tensors = new Map<string, Uint8Array>();
    for (const tensor of graph.initializer) tensors.set(headOf(tensor).name, tensor);
    for (const { opType, output, attribute } of graph.node) {
      const value = opType === 'Constant' && attribute.find(({ name }) => name === 'value')?.t;
      if (value && output[0] !== undefined) tensors.set(output[0], value);
    }
    for (const tensor of tensorsOf(graph)) addExternal(file, externalFiles, headOf(tensor));
    return {
      input: graph.input?.find(({ name }) => !tensors.has(name))?.name ?? '',
      nodes: graph.node,
      externalFiles,
      constant: (name, most) => {
        const tensor = tensors.get(name);
        try {
          return tensor && valuesOf(tensor, most);
        } catch (error) {
          return refuse(`with a constant ${name} that cannot be read (${(error as Error).message})`, error);
        }
      },
    };
  } catch (error) {
    if (error instanceof ProtomemError) throw error;
    return refuse(`not to be read (${(error as Error).message})`, error);
  }
}

const headOf = (tensor: Uint8Array): TensorHead => onnxMessage('TensorHead').decode(tensor) as unknown as TensorHead;

/** All tensors of a graph, those of branches and loops included. */
function* tensorsOf(graph: Graph): Generator<Uint8Array> {
  yield* graph.initializer;
  for (const { attribute } of graph.node) {
    for (const { t, tensors, g, graphs } of attribute) {
      if (t.length > 0) yield t;
      yield* tensors;
      for (const inner of g ? [g, ...graphs] : graphs) yield* tensorsOf(inner);
    }
  }
}

const EXTERNAL = 1;

function addExternal(file: string, found: Map<string, number>, { name, dataLocation, externalData }: TensorHead): void {
  if (dataLocation !== EXTERNAL) return;
  const entry = Object.fromEntries(externalData.map(({ key, value }) => [key, value]));
  const { location = '', offset = '0', length = '0' } = entry;
  const end = Number(offset) + Number(length);
  if (location === '' || leavesFolder(location) || !Number.isSafeInteger(end) || end < 0) {
    const got = `in "${location}", bytes ${offset} to ${end}`;
    const expected = 'a place in a file beside the model';
    throw new ProtomemError({ where: file, what: `the weight ${name}`, got, expected });
  }
  found.set(location, Math.max(found.get(location) ?? 0, end));
}

interface Tensor extends TensorHead {
  readonly dataType: number;
  readonly floatData: readonly number[];
  readonly int32Data: readonly number[];
  readonly doubleData: readonly number[];
  readonly rawData: Uint8Array;
}

/** Numbers of a small tensor. */
function valuesOf(bytes: Uint8Array, most: number): readonly number[] | undefined {
  // Whatever else it holds, a number takes a byte or more: larger ones are not even read.
  if (bytes.length > 1000 + 16 * most) return undefined;
  const { dataType, dataLocation, floatData, int32Data, doubleData, rawData } = onnxMessage('Tensor').decode(
    bytes,
  ) as unknown as Tensor;
  if (dataLocation === EXTERNAL) return undefined;
  // Halves without raw data are kept as their bits.
  const halves = dataType === elementTypes.float16 ? new Uint8Array(Uint16Array.from(int32Data).buffer) : undefined;
  const raw = rawData.length > 0 ? rawData : halves;
  const values = raw ? rawValues(dataType, raw) : [...floatData, ...doubleData];
  return values && values.length > 0 && values.length <= most ? values : undefined;
}

/** ONNX writes the lowest byte first, as every machine that Node runs on. */
function rawValues(type: number, raw: Uint8Array): readonly number[] | undefined {
  const { buffer } = new Uint8Array(raw);
  if (type === elementTypes.uint8) return [...raw];
  const sizes = { [elementTypes.float]: 4, [elementTypes.int32]: 4, [elementTypes.float16]: 2 } as Record<
    number,
    number
  >;
  if (buffer.byteLength % (sizes[type] ?? 8) !== 0) return undefined;
  if (type === elementTypes.float) return [...new Float32Array(buffer)];
  if (type === elementTypes.int32) return [...new Int32Array(buffer)];
  if (type === elementTypes.float16) return [...new Float16Array(buffer)];
  if (type === elementTypes.double) return [...new Float64Array(buffer)];
  return type === elementTypes.int64 ? Array.from(new BigInt64Array(buffer), Number) : undefined;
}
