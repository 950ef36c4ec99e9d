import { isObject, ProtomemError, parseJson } from '@protomem/core';
import { readSafetensors } from '@protomem/core/node';
import { encoderNameOf, encoders } from '@protomem/encoders';
import { encoderFile } from './run-folder.ts';

/** Of what a file was made with, what a configuration does not say, or says in another way. */
const others = ['inputSize', 'seed'];

/**
 * The encoder of a run or a file, with its weights to start from, as patches of a configuration; what else that says of its encoder stays.
 *
 * @throws ProtomemError for a file of something else, or of images that are not square
 */
export async function startFrom(init: string): Promise<string[]> {
  const path = encoderFile(init);
  const { metadata } = await readSafetensors(path);
  const options = parseJson(metadata.options ?? '', { where: path, what: 'metadata "options"' });
  const [height, width] = isObject(options) && Array.isArray(options.inputSize) ? options.inputSize : [];
  if (metadata.name === undefined || !isObject(options) || typeof height !== 'number' || height !== width) {
    throw new ProtomemError({
      where: path,
      what: 'the encoder',
      got: `name ${metadata.name}, options ${metadata.options}`,
      expected: 'one of this library, for square images',
      fix: 'Make one of an ONNX or PyTorch file with `protomem import`.',
    });
  }
  const name = encoderNameOf(metadata.name);
  const known = name ? Object.keys(encoders[name].options).filter((key) => !others.includes(key)) : [];
  const own = Object.fromEntries(Object.entries(options).filter(([key]) => known.includes(key)));
  const said = { name: name ?? metadata.name, inputSize: height, ...own, init };
  return Object.entries(said).map(([key, value]) => `encoder.${key}=${JSON.stringify(value)}`);
}
