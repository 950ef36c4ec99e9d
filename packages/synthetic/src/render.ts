import { Random } from '@protomem/core';
import { drawEarrings, drawGlasses, drawHand, drawHat, drawHeadscarf, drawScarf, drawStrand } from './accessories.ts';
import { drawBackdrop, drawClothes } from './backdrop.ts';
import { drawBrows, drawEyes } from './eyes.ts';
import { drawBeard, drawStubble } from './facial-hair.ts';
import { drawFolds } from './folds.ts';
import { drawHairLayers } from './hair.ts';
import { drawEars, drawFace, drawNeck } from './head.ts';
import { drawMarks } from './marks.ts';
import { drawMouth } from './mouth.ts';
import { drawNose } from './nose.ts';
import { drawPerson, type Person } from './person.ts';
import { drawPhoto, type Photo } from './photo.ts';
import { Scene } from './scene.ts';
import { fixed } from './svg.ts';

/** Streams of the seed. */
const PERSON = 1;
const PHOTO = 2;

/** The person behind an identity: the same for all images. */
export function personOf(seed: number, identity: number): Person {
  return drawPerson(new Random(seed, PERSON, identity));
}

/** The conditions of one image. */
export function photoOf(seed: number, identity: number, image: number, variation: number): Photo {
  return drawPhoto(new Random(seed, PHOTO, identity, image), variation);
}

/** Composes a photo of a person, from the back to the front, as SVG text: a 112 x 112 view, `size` pixels wide. */
export function renderFace(person: Person, photo: Photo, size = 112): string {
  const scene = new Scene(person, photo);
  const covered = photo.headscarf < person.headscarf;
  const { occlusion } = photo;
  const hair = covered ? { back: '', front: drawHeadscarf(scene) } : drawHairLayers(scene);
  const glasses = occlusion === 'sunglasses' || photo.glasses < person.glasses.habit;
  const layers = [
    drawBackdrop(scene),
    hair.back,
    drawNeck(scene),
    drawClothes(scene),
    drawEars(scene),
    photo.earrings < person.earrings && !covered ? drawEarrings(scene) : '',
    drawFace(scene, drawStubble(scene) + drawFolds(scene) + drawMarks(scene)),
    drawBeard(scene),
    drawMouth(scene),
    drawEyes(scene),
    drawBrows(scene),
    drawNose(scene),
    hair.front,
    glasses ? drawGlasses(scene, occlusion === 'sunglasses') : '',
    !covered && (occlusion === 'cap' || occlusion === 'beanie') ? drawHat(scene, occlusion) : '',
    occlusion === 'strand' && !covered && person.hair.sideY > 60 ? drawStrand(scene) : '',
    occlusion === 'scarf' ? drawScarf(scene) : '',
    occlusion === 'hand' ? drawHand(scene) : '',
  ];
  const { blur, grain } = photo;
  let picture = layers.slice(1).join('');
  let filters = '';
  const area = 'x="0" y="0" width="1" height="1"';
  if (blur.x > 0) {
    filters += `<filter id="b" ${area}><feGaussianBlur stdDeviation="${fixed(blur.x)} ${fixed(blur.y)}"/></filter>`;
    // The backdrop is out of focus anyway, and stays below so that the blur does not darken the border.
    picture = `<g filter="url(#b)">${picture}</g>`;
  }
  picture = layers[0] + picture;
  if (grain > 0) {
    // One channel of the noise becomes the opacity of grey.
    filters += `<filter id="n" ${area}><feTurbulence type="fractalNoise" baseFrequency="0.8" seed="${photo.seed % 1000}"/><feColorMatrix values="0 0 0 0 0.5 0 0 0 0 0.5 0 0 0 0 0.5 2 0 0 0 -0.5"/></filter>`;
    picture += `<rect width="112" height="112" filter="url(#n)" opacity="${fixed(grain)}"/>`;
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${size}" height="${size}" viewBox="0 0 112 112"><defs>${scene.defs}${filters}</defs>${picture}</svg>`;
}
