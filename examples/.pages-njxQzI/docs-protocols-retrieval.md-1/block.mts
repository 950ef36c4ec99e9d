import { retrieval } from '@protomem/evaluation';

const unit = (degrees: number) => [Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)];
const features = Float32Array.from([0, 10, 50, 60, 75, 200].flatMap(unit));
const found = await retrieval({ features, people: [1, 1, 1, 2, 2, 3] }, 2, undefined, { ks: [1, 2] });
console.log(found.recall.map(({ k, rate }) => `recall@${k} ${rate}`).join(', '));
console.log(`R-precision ${found.rPrecision.toFixed(3)}, MAP@R ${found.mapAtR.toFixed(3)}`);
console.log(`${found.queries} queries, ${found.alone} image alone`);

export {};
