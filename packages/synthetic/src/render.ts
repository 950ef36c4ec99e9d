import { Random } from '@protomem/core';
import { drawEarrings, drawGlasses, drawHand, drawHat, drawHeadscarf, drawScarf, drawStrand } from './accessories.ts';
import { drawBackdrop, drawClothes } from './backdrop.ts';
import { type Clip, type Drawing, type Gradient, NOTHING } from './drawing.ts';
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
import { definitionText, fixed, svgText } from './svg.ts';

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

/** A photo of a person, composed: what text and pixels are made of. */
export interface Face {
  readonly definitions: readonly (Gradient | Clip)[];
  readonly backdrop: Drawing;
  /** The person, in front of the backdrop. */
  readonly person: Drawing;
  /** Standard deviations of a Gaussian, units of the view; 0 for none. The backdrop is out of focus anyway. */
  readonly blur: { readonly x: number; readonly y: number };
  /** Opacity of noise over everything; 0 for none. */
  readonly grain: number;
  readonly grainSeed: number;
}

/** Composes a photo of a person, from the back to the front, in a 112 x 112 view. */
export function composeFace(person: Person, photo: Photo): Face {
  const scene = new Scene(person, photo);
  const covered = photo.headscarf < person.headscarf;
  const { occlusion } = photo;
  const hair = covered ? { back: NOTHING, front: drawHeadscarf(scene) } : drawHairLayers(scene);
  const glasses = occlusion === 'sunglasses' || photo.glasses < person.glasses.habit;
  const backdrop = drawBackdrop(scene);
  const layers = [
    hair.back,
    drawNeck(scene),
    drawClothes(scene),
    drawEars(scene),
    photo.earrings < person.earrings && !covered ? drawEarrings(scene) : NOTHING,
    drawFace(scene, [drawStubble(scene), drawFolds(scene), drawMarks(scene)]),
    drawBeard(scene),
    drawMouth(scene),
    drawEyes(scene),
    drawBrows(scene),
    drawNose(scene),
    hair.front,
    glasses ? drawGlasses(scene, occlusion === 'sunglasses') : NOTHING,
    !covered && (occlusion === 'cap' || occlusion === 'beanie') ? drawHat(scene, occlusion) : NOTHING,
    occlusion === 'strand' && !covered && person.hair.sideY > 60 ? drawStrand(scene) : NOTHING,
    occlusion === 'scarf' ? drawScarf(scene) : NOTHING,
    occlusion === 'hand' ? drawHand(scene) : NOTHING,
  ];
  const { blur, grain, seed } = photo;
  return { definitions: scene.definitions, backdrop, person: layers, blur, grain, grainSeed: seed % 1000 };
}

/** A face as SVG text: a 112 x 112 view, `size` pixels wide. */
export function faceSvg({ definitions, backdrop, person, blur, grain, grainSeed }: Face, size: number): string {
  let picture = svgText(person);
  let filters = '';
  const area = 'x="0" y="0" width="1" height="1"';
  if (blur.x > 0) {
    filters += `<filter id="b" ${area}><feGaussianBlur stdDeviation="${fixed(blur.x)} ${fixed(blur.y)}"/></filter>`;
    // The backdrop stays below so that the blur does not darken the border.
    picture = `<g filter="url(#b)">${picture}</g>`;
  }
  picture = svgText(backdrop) + picture;
  if (grain > 0) {
    // One channel of the noise becomes the opacity of grey.
    filters += `<filter id="n" ${area}><feTurbulence type="fractalNoise" baseFrequency="0.8" seed="${grainSeed}"/><feColorMatrix values="0 0 0 0 0.5 0 0 0 0 0.5 0 0 0 0 0.5 2 0 0 0 -0.5"/></filter>`;
    picture += `<rect width="112" height="112" filter="url(#n)" opacity="${fixed(grain)}"/>`;
  }
  const defs = definitions.map(definitionText).join('');
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${size}" height="${size}" viewBox="0 0 112 112"><defs>${defs}${filters}</defs>${picture}</svg>`;
}
