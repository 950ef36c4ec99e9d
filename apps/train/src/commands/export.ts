import { exportEncoder, exportOptions } from '@protomem/export';
import { command, declaredFlags } from '../command-line.ts';

const use = `
  protomem export runs/lfw --to onnx --out face.onnx                            for InsightFace, OpenCV and onnxruntime
  protomem export runs/lfw --to onnx --normalize outside --out face.onnx        for immich, frigate, uniface
  protomem export runs/lfw --to onnx --precision int8 --faces lfw112 --out face.onnx   a quarter of the bytes, whole numbers
  protomem export runs/lfw --to tfjs --out face --precision float16             for a page
  protomem export runs/lfw --to safetensors --out backbone.safetensors          for PyTorch`;

/** `protomem export`. */
export function make() {
  const made = command('export', 'Writes an encoder for other programs, with a model card, and checks what it wrote.')
    .argument('<model>', 'a run, or an encoder.safetensors')
    .requiredOption('--out <path>', 'file to write, of TensorFlow.js a folder; new')
    .addHelpText('after', use)
    .action(async (model, { out, ...options }) => {
      const { model: written, card, agreement, calibratedOn } = await exportEncoder(model, out, options as never);
      const { lowest, mean, images, faces, by } = agreement;
      console.log(
        `cosine to the encoder: ${lowest.toFixed(6)} at least, ${mean.toFixed(6)} in the mean (${images} ${faces}, ${by})`,
      );
      if (calibratedOn) console.log(`calibrated on ${calibratedOn}: it holds for faces like them`);
      console.log(`written: ${written}, ${card}`);
    });
  for (const flag of declaredFlags('export', exportOptions)) made.addOption(flag);
  return made;
}
