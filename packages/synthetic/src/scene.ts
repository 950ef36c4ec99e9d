import { clamp, develop, mix, multiply, type Rgb, rgb } from './colour.ts';
import { type Clip, type Drawing, type Gradient, NOTHING, type PaintedStop, tag } from './drawing.ts';
import { landmarks, TEMPLATE } from './landmarks.ts';
import type { Path, Point } from './path.ts';
import type { Person } from './person.ts';
import type { Photo } from './photo.ts';

/** Offset in 0 ... 1, colour, opacity. */
export type Stop = readonly [number, Rgb, number?];

/** Height at which the head turns. */
const PIVOT_Y = 66;

/**
 * One photo in the making: turns places on the head into places in the picture, colours into what the camera sees, and
 * collects gradients and clips.
 *
 * The head is an ellipsoid under weak perspective; the picture is then aligned as a detector would align it, by the
 * similarity that brings the five landmarks nearest to the template, so that pose moves everything else.
 */
export class Scene {
  readonly person: Person;
  readonly photo: Photo;
  /** Lengths of the face in the picture: for widths of strokes and radii. */
  readonly scale: number;
  readonly skin: { readonly base: Rgb; readonly lit: Rgb; readonly shade: Rgb; readonly deep: Rgb; readonly pink: Rgb };
  /** Gradients and clips, by their number. */
  readonly definitions: (Gradient | Clip)[] = [];
  private readonly spots = new Map<number, Gradient>();
  private readonly turn: { cosYaw: number; sinYaw: number; cosPitch: number; sinPitch: number };
  private readonly similarity: { a: number; b: number; x: number; y: number };

  constructor(person: Person, photo: Photo) {
    this.person = person;
    this.photo = photo;
    const { yaw, pitch } = photo;
    this.turn = { cosYaw: Math.cos(yaw), sinYaw: Math.sin(yaw), cosPitch: Math.cos(pitch), sinPitch: Math.sin(pitch) };
    const base = person.skin;
    this.skin = {
      base,
      lit: mix(base, rgb(0xfff1e2), 0.2 - 0.08 * person.melanin),
      shade: multiply(base, [0.8, 0.68, 0.64]),
      deep: multiply(base, [0.5, 0.34, 0.3]),
      pink: mix(base, rgb(0xd8524f), 0.5),
    };
    this.similarity = { a: 1, b: 0, x: 0, y: 0 };
    this.similarity = align(landmarks(person, photo).map((p) => this.on(p.x, p.y, p.lift)));
    const { jitter } = photo;
    const { a, b, x, y } = this.similarity;
    const cos = Math.cos(jitter.roll) * jitter.scale;
    const sin = Math.sin(jitter.roll) * jitter.scale;
    // The jitter turns about the middle of the template.
    const [dx, dy] = [x - 56, y - 71.9];
    this.similarity = {
      a: a * cos - b * sin,
      b: a * sin + b * cos,
      x: dx * cos - dy * sin + 56 + jitter.x,
      y: dx * sin + dy * cos + 71.9 + jitter.y,
    };
    this.scale = Math.hypot(this.similarity.a, this.similarity.b);
  }

  /** Place in the picture of a point on the face, `lift` above the skin. */
  on(x: number, y: number, lift = 0): Point {
    const across = x / (this.person.head.width + 2);
    const along = (y - PIVOT_Y) / 74;
    return this.off(x, y, 34 * Math.sqrt(Math.max(0, 1 - across * across - along * along * 0.8)) + lift);
  }

  /** Place in the picture of a point of the head at depth z, towards the camera from the plane of the ears. */
  off(x: number, y: number, z = 0): Point {
    const { cosYaw, sinYaw, cosPitch, sinPitch } = this.turn;
    const turned = z * cosYaw - x * sinYaw;
    const depth = (y - PIVOT_Y) * sinPitch + turned * cosPitch;
    const near = 1 / (1 - this.photo.perspective * depth);
    const u = (x * cosYaw + z * sinYaw) * near;
    const v = ((y - PIVOT_Y) * cosPitch - turned * sinPitch) * near;
    const { a, b, x: dx, y: dy } = this.similarity;
    return { x: a * u - b * v + dx, y: b * u + a * v + dy };
  }

  paint(colour: Rgb): number {
    return develop(colour, this.photo.grade);
  }

  /** Radial gradient in the picture. */
  radial(centre: Point, radius: number, stops: readonly Stop[]): Gradient {
    return this.gradient('radial', [centre.x, centre.y, radius], stops);
  }

  linear(from: Point, to: Point, stops: readonly Stop[]): Gradient {
    return this.gradient('linear', [from.x, from.y, to.x, to.y], stops);
  }

  /** From the top of whatever it fills to its bottom. */
  fade(stops: readonly Stop[]): Gradient {
    return this.gradient('fade', [], stops);
  }

  /** From the middle of whatever it fills to its border. */
  glow(stops: readonly Stop[]): Gradient {
    return this.gradient('glow', [], stops);
  }

  clip(path: Path): Clip {
    return this.define({ id: this.definitions.length, kind: 'clip', path });
  }

  /** Soft spot: an ellipse that fades out, as shadows and highlights do. Spots of one colour share their gradient. */
  spot(at: Point, rx: number, ry: number, colour: Rgb, opacity: number): Drawing {
    if (opacity < 0.015) return NOTHING;
    const key = this.paint(colour);
    const fill =
      this.spots.get(key) ??
      this.glow([
        [0, colour],
        [1, colour, 0],
      ]);
    this.spots.set(key, fill);
    const [x, y] = [rx * this.scale, ry * this.scale];
    return tag('ellipse', { cx: at.x, cy: at.y, rx: x, ry: y, fill, 'fill-opacity': clamp(opacity) });
  }

  private gradient(kind: Gradient['kind'], geometry: readonly number[], stops: readonly Stop[]): Gradient {
    const painted = stops.map(([offset, colour, opacity = 1]): PaintedStop => [offset, this.paint(colour), opacity]);
    return this.define({ id: this.definitions.length, kind, geometry, stops: painted });
  }

  private define<D extends Gradient | Clip>(definition: D): D {
    this.definitions.push(definition);
    return definition;
  }
}

/** Least squares similarity from the points to the template (Umeyama, without the reflection that cannot occur here). */
function align(points: readonly Point[]): { a: number; b: number; x: number; y: number } {
  const mean = (values: readonly number[]): number => values.reduce((sum, v) => sum + v, 0) / values.length;
  const from = { x: mean(points.map((p) => p.x)), y: mean(points.map((p) => p.y)) };
  const to = { x: mean(TEMPLATE.map((p) => p.x)), y: mean(TEMPLATE.map((p) => p.y)) };
  let [dot, cross, norm] = [0, 0, 0];
  points.forEach((p, i) => {
    const [px, py] = [p.x - from.x, p.y - from.y];
    const [qx, qy] = [TEMPLATE[i]!.x - to.x, TEMPLATE[i]!.y - to.y];
    dot += px * qx + py * qy;
    cross += px * qy - py * qx;
    norm += px * px + py * py;
  });
  const [a, b] = [dot / norm, cross / norm];
  return { a, b, x: to.x - a * from.x + b * from.y, y: to.y - b * from.x - a * from.y };
}
