import { Coverage } from './coverage.ts';
import type { Attributes, Drawing, Fill, Gradient, Shape } from './drawing.ts';
import { Outline } from './outline.ts';

const NONE: Attributes = {};
/** Stops of a gradient at most. */
const MAX_STOPS = 4;
/** Numbers of a piece of a gradient. */
const PIECE = 9;

/** Draws shapes into pixels: SVG's painter's model for what faces are made of. Colours are mixed as sRGB, as SVG does. */
export class Canvas {
  /** RGB in 0 ... 255 times opacity, and opacity in 0 ... 1: `[height, width, 4]`. */
  pixels: Float32Array;
  private readonly width: number;
  private readonly height: number;
  /** Pixels of a unit of the view, and where the view begins. */
  private readonly scale: number;
  private readonly dx: number;
  private readonly dy: number;
  private readonly outline = new Outline();
  private readonly coverage: Coverage;
  /** Shares of pixels inside the clip, where there is one. */
  private readonly mask: Float32Array;
  private clipped = false;
  /** The gradient in use: of each piece between two stops its end, and colours and opacity as lines of t; see `setRamp`. */
  private readonly ramp = {
    lines: new Float64Array(PIECE * MAX_STOPS),
    low: 0,
    high: 1,
    /** Where the last piece begins. */
    last: 0,
    radial: false,
    ax: 0,
    ay: 0,
    a0: 0,
    by: 0,
    b0: 0,
  };

  /** The view covers the picture; what sticks out is cut off evenly. */
  constructor(width: number, height: number, pixels: Float32Array) {
    this.width = width;
    this.height = height;
    this.pixels = pixels;
    this.scale = Math.max(width, height) / 112;
    this.dx = (width - 112 * this.scale) / 2;
    this.dy = (height - 112 * this.scale) / 2;
    this.coverage = new Coverage(width, height);
    this.mask = new Float32Array(width * height);
  }

  /** @param inherited attributes of the groups around it */
  draw(drawing: Drawing, inherited: Attributes = NONE): void {
    if (!('tag' in drawing)) for (const part of drawing) this.draw(part, inherited);
    else if (drawing.tag !== 'g') this.shape(drawing, inherited);
    else {
      const clip = drawing.attributes['clip-path'];
      if (clip) {
        this.outline.clear();
        this.outline.path(clip.path, this.scale, this.dx, this.dy);
        this.clip();
      }
      this.draw(drawing.inside, { ...inherited, ...drawing.attributes });
      if (clip) this.clipped = false;
    }
  }

  private shape(shape: Shape, inherited: Attributes): void {
    const { outline } = this;
    const own = shape.attributes;
    const fill = own.fill ?? inherited.fill ?? 'none';
    const stroke = own.stroke ?? inherited.stroke ?? 'none';
    const opacity = own.opacity ?? 1;
    const fillOpacity = opacity * (own['fill-opacity'] ?? 1);
    if (shape.tag === 'ellipse' && typeof fill === 'object' && isSpot(fill)) {
      this.spot(own, fill, fillOpacity);
      return;
    }
    outline.clear();
    this.trace(shape);
    const half = ((own['stroke-width'] ?? 1) * this.scale) / 2;
    const round = (own['stroke-linecap'] ?? inherited['stroke-linecap']) === 'round';
    if (fill !== 'none' && fill === stroke) {
      // One colour, one shape: where fill and line overlap, nothing shows through twice.
      outline.fill(this.coverage, true);
      outline.stroke(this.coverage, half, round);
      this.paint(fill, fillOpacity, false);
      return;
    }
    if (fill !== 'none') {
      outline.fill(this.coverage, false);
      this.paint(fill, fillOpacity, own['fill-rule'] === 'evenodd');
    }
    if (stroke !== 'none') {
      outline.stroke(this.coverage, half, round);
      this.paint(stroke, opacity * (own['stroke-opacity'] ?? 1), false);
    }
  }

  private trace({ tag, attributes }: Shape): void {
    const { outline, scale, dx, dy } = this;
    const { d, x = 0, y = 0, width = 0, height = 0, cx = 0, cy = 0, r = 0, rx = r, ry = r } = attributes;
    if (d) outline.path(d, scale, dx, dy);
    else if (tag === 'rect') outline.rect(x * scale + dx, y * scale + dy, width * scale, height * scale);
    else outline.ellipse(cx * scale + dx, cy * scale + dy, rx * scale, ry * scale);
  }

  /** Keeps what follows inside the outline. */
  private clip(): void {
    const { coverage, mask, width } = this;
    this.outline.fill(coverage, false);
    mask.fill(0);
    coverage.each(false, (y, from, end) => {
      mask.set(coverage.row.subarray(from, end), y * width + from);
    });
    this.clipped = true;
  }

  /** Fills what `coverage` has collected. */
  private paint(fill: Exclude<Fill, 'none'>, opacity: number, evenOdd: boolean): void {
    const { mask, width } = this;
    const { row } = this.coverage;
    const ramp = typeof fill === 'object';
    if (ramp) this.setRamp(fill);
    const colour = fill === '#fff' ? 0xffffff : (fill as number);
    this.coverage.each(evenOdd, (y, from, end) => {
      if (this.clipped) for (let x = from, at = y * width + from; x < end; x++) row[x]! *= mask[at++]!;
      if (ramp) this.blendRamp(opacity, y, from, end);
      else this.blendColour(colour, opacity, y, from, end);
    });
  }

  private blendColour(colour: number, opacity: number, y: number, from: number, end: number): void {
    const { pixels } = this;
    const { row } = this.coverage;
    const r = colour >> 16;
    const g = (colour >> 8) & 255;
    const b = colour & 255;
    for (let x = from, at = 4 * (y * this.width + from); x < end; x++, at += 4) {
      const a = row[x]! * opacity;
      if (a === 0) continue;
      const rest = 1 - a;
      pixels[at] = pixels[at]! * rest + a * r;
      pixels[at + 1] = pixels[at + 1]! * rest + a * g;
      pixels[at + 2] = pixels[at + 2]! * rest + a * b;
      pixels[at + 3] = pixels[at + 3]! * rest + a;
    }
  }

  private blendRamp(opacity: number, y: number, from: number, end: number): void {
    const { pixels } = this;
    const { row } = this.coverage;
    const { lines, low, high, last, radial, ax, ay, by, a0, b0 } = this.ramp;
    // Middles of pixels.
    const u0 = a0 + ay * (y + 0.5) + ax * 0.5;
    const v = b0 + by * (y + 0.5);
    const square = v * v;
    for (let x = from, at = 4 * (y * this.width + from); x < end; x++, at += 4) {
      const covered = row[x]! * opacity;
      if (covered === 0) continue;
      let t = u0 + ax * x;
      if (radial) t = Math.sqrt(t * t + square);
      t = t < low ? low : Math.min(t, high);
      let k = 0;
      while (k < last && t > lines[k]!) k += PIECE;
      const a = covered * (lines[k + 7]! + t * lines[k + 8]!);
      if (a === 0) continue;
      if (a === 1) {
        // Nothing shows through: backdrops, skin, hair.
        pixels[at] = lines[k + 1]! + t * lines[k + 2]!;
        pixels[at + 1] = lines[k + 3]! + t * lines[k + 4]!;
        pixels[at + 2] = lines[k + 5]! + t * lines[k + 6]!;
        pixels[at + 3] = 1;
        continue;
      }
      const rest = 1 - a;
      pixels[at] = pixels[at]! * rest + a * (lines[k + 1]! + t * lines[k + 2]!);
      pixels[at + 1] = pixels[at + 1]! * rest + a * (lines[k + 3]! + t * lines[k + 4]!);
      pixels[at + 2] = pixels[at + 2]! * rest + a * (lines[k + 5]! + t * lines[k + 6]!);
      pixels[at + 3] = pixels[at + 3]! * rest + a;
    }
  }

  /** A gradient in pixels: t = ax x + ay y + a0, and for rings the length of that and of by y + b0. */
  private setRamp({ kind, geometry, stops }: Gradient): void {
    const { outline, scale, dx, dy, ramp } = this;
    const { lines } = ramp;
    for (let i = 0; i + 1 < stops.length; i++) {
      const [from, colour, opacity] = stops[i]!;
      const [to, nextColour, nextOpacity] = stops[i + 1]!;
      const at = PIECE * i;
      lines[at] = to;
      for (let c = 0; c < 4; c++) {
        const start = c < 3 ? (colour >> (16 - 8 * c)) & 255 : opacity;
        const slope = ((c < 3 ? (nextColour >> (16 - 8 * c)) & 255 : nextOpacity) - start) / (to - from);
        lines[at + 1 + 2 * c] = start - slope * from;
        lines[at + 2 + 2 * c] = slope;
      }
    }
    ramp.low = stops[0]![0];
    ramp.high = stops.at(-1)![0];
    ramp.last = PIECE * (stops.length - 2);
    ramp.radial = kind === 'radial' || kind === 'glow';
    if (kind === 'linear') {
      const x = geometry[0]! * scale + dx;
      const y = geometry[1]! * scale + dy;
      const ex = geometry[2]! * scale + dx - x;
      const ey = geometry[3]! * scale + dy - y;
      const square = ex * ex + ey * ey;
      ramp.ax = ex / square;
      ramp.ay = ey / square;
      ramp.a0 = -(x * ex + y * ey) / square;
    } else if (kind === 'fade') {
      ramp.ax = 0;
      ramp.ay = 1 / (outline.bottom - outline.top);
      ramp.a0 = -outline.top * ramp.ay;
    } else {
      const own = kind === 'radial';
      const x = own ? geometry[0]! * scale + dx : (outline.left + outline.right) / 2;
      const y = own ? geometry[1]! * scale + dy : (outline.top + outline.bottom) / 2;
      ramp.ax = 1 / (own ? geometry[2]! * scale : (outline.right - outline.left) / 2);
      ramp.ay = 0;
      ramp.a0 = -x * ramp.ax;
      ramp.by = 1 / (own ? geometry[2]! * scale : (outline.bottom - outline.top) / 2);
      ramp.b0 = -y * ramp.by;
    }
  }

  /** An ellipse that fades out to its border, where its edge therefore does not matter. */
  private spot({ cx = 0, cy = 0, rx = 0, ry = 0 }: Attributes, { stops }: Gradient, opacity: number): void {
    const { pixels, mask, width, height, scale, clipped } = this;
    const colour = stops[0]![1];
    const [r, g, b] = [colour >> 16, (colour >> 8) & 255, colour & 255];
    const [x0, y0, w, h] = [cx * scale + this.dx - 0.5, cy * scale + this.dy - 0.5, rx * scale, ry * scale];
    const [left, right] = [Math.max(0, Math.ceil(x0 - w)), Math.min(width - 1, Math.floor(x0 + w))];
    const bottom = Math.min(height - 1, Math.floor(y0 + h));
    for (let y = Math.max(0, Math.ceil(y0 - h)); y <= bottom; y++) {
      const v = ((y - y0) / h) ** 2;
      for (let x = left, i = y * width + left; x <= right; x++, i++) {
        const u = (x - x0) / w;
        const t = u * u + v;
        if (t >= 1) continue;
        let a = opacity * (1 - Math.sqrt(t));
        if (clipped) a *= mask[i]!;
        const rest = 1 - a;
        const at = 4 * i;
        pixels[at] = pixels[at]! * rest + a * r;
        pixels[at + 1] = pixels[at + 1]! * rest + a * g;
        pixels[at + 2] = pixels[at + 2]! * rest + a * b;
        pixels[at + 3] = pixels[at + 3]! * rest + a;
      }
    }
  }
}

/** One colour, from its opacity to none. */
function isSpot({ kind, stops }: Gradient): boolean {
  const [inner, outer] = stops;
  return kind === 'glow' && stops.length === 2 && inner![1] === outer![1] && outer![2] === 0 && inner![0] === 0;
}
