/** People that a page knows: enrolled and identified in the browser, kept in its IndexedDB; the encoder leaves as ONNX. */
import { createEncoder, encoderFingerprint } from '@protomem/encoders';
import { loadEngine } from '@protomem/engine';
import { encodeModel } from '@protomem/export';
import { indexedDbStorage, openGallery } from '@protomem/gallery';
import { syntheticFaces } from '@protomem/synthetic';
import * as tf from '@tensorflow/tfjs';
import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
import '@tensorflow/tfjs-backend-webgpu';

const size = 48;
const faces = syntheticFaces({ identities: 5, imagesPerIdentity: 20, seed: 1, variation: 0.2 }); // yours: aligned, RGB

/** Puts buttons into an element. @param wasm where the files of `@tensorflow/tfjs-backend-wasm` are, by name. */
export async function mount(place: HTMLElement, wasm: Record<string, string>, prefer: 'auto' | 'wasm' | 'webgpu') {
  const status = place.appendChild(document.createElement('p'));
  setWasmPaths(wasm);
  const { engine } = await loadEngine({ prefer });
  // One that has learnt nothing. Yours: decodeEncoder(new Uint8Array(await (await fetch(url)).arrayBuffer())).
  const encoder = createEncoder('mobile-face-net', { inputSize: size, embeddingSize: 64, width: 0.25, seed: 1 });
  const model = { name: 'mine', fingerprint: await encoderFingerprint(encoder) };
  const gallery = await openGallery(await indexedDbStorage('people-in-page'), { width: 64, model });

  async function embed(person: number, image: number): Promise<Float32Array> {
    const { pixels } = await faces.draw!(person, image, size, size);
    const batch = tf.tidy(() => encoder.apply(tf.tensor4d(pixels, [1, size, size, 3], 'int32')));
    return batch.data<'float32'>().finally(() => batch.dispose());
  }

  /** Adds a button, which says what came of its work. */
  function button(text: string, work: () => Promise<string>): void {
    const onclick = async () => Object.assign(status, { textContent: await work().catch(({ message }) => message) });
    place.append(Object.assign(document.createElement('button'), { textContent: text, onclick }));
  }
  button('Enrol four people', async () => {
    for (const person of [0, 1, 2, 3]) {
      const embeddings = await Promise.all([0, 1, 2].map((image) => embed(person, image)));
      const images = embeddings.map((embedding, image) => ({ image: `${image}`, embedding }));
      await gallery.enrol([{ person: faces.identityName(person), images }]);
    }
    return `${gallery.people} people are enrolled, and still are when the page is loaded again.`;
  });
  let visits = 0;
  button('Who comes?', async () => {
    const [person, image] = [visits % 5, 5 + (visits++ % 15)];
    const { results } = await gallery.identify(await embed(person, image), { top: 1 });
    const best = results[0]![0];
    const found = best ? `${best.person} is most alike, ${best.score.toFixed(3)}` : 'nobody is enrolled';
    return `${faces.identityName(person)} comes: ${found}.`;
  });
  button('Export the encoder', async () => {
    const { 'model.onnx': bytes } = await encodeModel(encoder, { to: 'onnx' });
    const href = URL.createObjectURL(new Blob([bytes!]));
    Object.assign(document.createElement('a'), { href, download: 'face.onnx' }).click();
    return `face.onnx, ${bytes!.length} bytes, is among your downloads.`;
  });
  status.textContent = `${engine}: ${gallery.people} people are known.`;
}
