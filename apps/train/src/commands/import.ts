import { importEncoder, importOptions } from '@protomem/export';
import { command, declaredFlags } from '../command-line.ts';

const use = `
  protomem import backbone.pth --as iresnet50 --out encoder.safetensors
  protomem import fr_feature.onnx --as mobile-face-net --embedding-size 512 --out encoder.safetensors

FILE holds weights of PyTorch under arcface_torch's names (.safetensors, or .pth, of which nothing is executed), or is an ONNX
model of the encoder's layers, whatever its tensors are called.`;

/** `protomem import`. */
export function make() {
  const made = command('import', "Makes an encoder of others' weights, to train on, evaluate and export.")
    .argument('<file>', 'see below')
    .requiredOption('--out <file>', 'encoder.safetensors to write; new')
    .addHelpText('after', use)
    .action(async (file, { out, ...options }) => {
      const { encoder, parameters, notes, agreement } = await importEncoder(file, out, options as never);
      for (const note of notes) console.log(note);
      if (agreement) {
        const { lowest, images, faces, by } = agreement;
        console.log(`cosine to ${file}: ${lowest.toFixed(6)} at least (${images} ${faces}, ${by})`);
      }
      console.log(`${encoder}, ${parameters} parameters: ${out}`);
    });
  for (const flag of declaredFlags('import', importOptions)) made.addOption(flag);
  return made;
}
