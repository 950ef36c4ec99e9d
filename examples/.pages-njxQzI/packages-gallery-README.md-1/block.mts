import { calibrationFromScores, openGallery } from '@protomem/gallery';
import { fileStorage } from '@protomem/gallery/node';
import { Random } from '@protomem/core';

// Embeddings come from an encoder; here, from three directions.
const model = { name: 'my encoder', fingerprint: 'sha256:5f0c' }; // of a model of @protomem/protocols; or encoderFingerprint of @protomem/encoders
const gallery = await openGallery(await fileStorage('people.gallery'), { width: 3, model });
await gallery.enrol([
  {
    person: 'Ada',
    images: [
      { image: '1.jpg', embedding: [1, 0, 0] },
      { image: '2.jpg', embedding: [0.9, 0.1, 0] },
    ],
  },
  { person: 'Bo', images: [{ embedding: [0, 1, 0] }] },
]); // on the disk now

const random = new Random(1);
const labels = Array.from({ length: 2000 }, (_, i) => i % 2); // 1: two images of one person
const scores = labels.map((label) => random.normal(label ? 0.7 : 0, 0.1)); // of pairs: cosines of your encoder
await gallery.calibrate(calibrationFromScores(scores, labels, 'my test'));

const queries = Float32Array.of(0.9, 0, 0.3, 0.3, 0.3, 0.9); // two faces at once
const { results, thresholds } = await gallery.identify(queries, { top: 1 });
console.log(results.map(([best]) => `${best!.person} ${best!.score.toFixed(2)} ${best!.answer}`).join(', ')); // Ada 0.95 same, Ada 0.32 not sure
console.log(thresholds!.comparisons); // 2
await gallery.remove('Ada');
await gallery.close(); // writes the file anew: nothing of Ada is left in it

export {};
