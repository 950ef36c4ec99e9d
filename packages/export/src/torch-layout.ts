import { type Layer, partsOf } from '@protomem/encoders';

/** How PyTorch keeps what a layer owns: its shape there, and the way between its order and ours. */
export interface TorchTensor {
  readonly name: string;
  readonly shape: readonly number[];
  toTorch(values: Float32Array): Float32Array;
  fromTorch(values: Float32Array): Float32Array;
}

/**
 * Every tensor of an encoder as PyTorch has it: kernels `[out, in, height, width]`, depthwise ones
 * `[channels, 1, height, width]`, a linear layer on flattened maps `[D, channels * height * width]`, on tokens `[out, in]`, vectors
 * as they are.
 *
 * @param weights of an encoder, name and shape as it has them.
 */
export function torchTensors(
  layers: readonly Layer[],
  weights: readonly { readonly name: string; readonly shape: readonly number[] }[],
): TorchTensor[] {
  const kinds = new Map(flat(layers).flatMap((layer) => ('name' in layer ? [[layer.name, layer.kind]] : [])));
  return weights.map(({ name, shape }) => {
    const kind = kinds.get(name.replace(/\.[^.]+$/, ''));
    if (shape.length === 2) {
      const [inputs, outputs] = shape as [number, number];
      const turned = (rows: number, columns: number) => (values: Float32Array) =>
        transpose(values, [1, 1, rows, columns], [0, 1, 3, 2]);
      return { name, shape: [outputs, inputs], toTorch: turned(inputs, outputs), fromTorch: turned(outputs, inputs) };
    }
    if (shape.length !== 4) return { name, shape, toTorch: (values) => values, fromTorch: (values) => values };
    const [height, width, inputs, outputs] = shape as [number, number, number, number];
    // Of a depthwise kernel, the place of the outputs holds 1 and stays behind the channels.
    const order = kind === 'depthwise' ? [2, 3, 0, 1] : [3, 2, 0, 1];
    const there = order.map((axis) => shape[axis]!);
    return {
      name,
      shape: kind === 'dense' ? [outputs, inputs * height * width] : there,
      toTorch: (values) => transpose(values, shape, order),
      fromTorch: (values) =>
        transpose(
          values,
          there,
          [0, 1, 2, 3].map((axis) => order.indexOf(axis)),
        ),
    };
  });
}

const flat = (layers: readonly Layer[]): Layer[] => layers.flatMap((layer) => [layer, ...partsOf(layer).flatMap(flat)]);

/**
 * What a `state_dict` has and our encoders have not, since it takes no part in what they compute: of an arcface_torch's ViT the
 * token that stands for those that training hides.
 */
export function unusedInTorch(
  layers: readonly Layer[],
): { readonly name: string; readonly shape: readonly number[] }[] {
  return layers.flatMap((layer) =>
    layer.kind === 'tokens' ? [{ name: 'mask_token', shape: [1, 1, layer.channels] }] : [],
  );
}

/** Row-major values with their axes in another order. */
export function transpose(values: Float32Array, shape: readonly number[], order: readonly number[]): Float32Array {
  const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((a, b) => a * b, 1));
  const [sides, steps] = [order.map((axis) => shape[axis]!), order.map((axis) => strides[axis]!)];
  const [a, b, c, d] = sides as [number, number, number, number];
  const [sa, sb, sc, sd] = steps as [number, number, number, number];
  const result = new Float32Array(values.length);
  let to = 0;
  for (let i = 0; i < a; i++)
    for (let j = 0; j < b; j++)
      for (let k = 0; k < c; k++) for (let l = 0; l < d; l++) result[to++] = values[i * sa + j * sb + k * sc + l * sd]!;
  return result;
}
