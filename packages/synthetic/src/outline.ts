import { ops, type Path } from './path.ts';

/** Pixels by which a polygon may miss its curve. */
const TOLERANCE = 0.08;
const MAX_PIECES = 64;
/** How far two directions may differ (as a cosine) before a line's corner is cut off rather than drawn to its point. */
const MITRE = 0.2;
const CAP_PIECES = 6;

/** Takes edges of a polygon. */
export interface EdgeSink {
  edge(x0: number, y0: number, x1: number, y1: number): void;
}

/** Polygons in pixels: curves flattened, to be filled or stroked. One is used for all shapes, so nothing is allocated. */
export class Outline {
  left = 0;
  right = 0;
  top = 0;
  bottom = 0;
  private xs = new Float64Array(1024);
  private ys = new Float64Array(1024);
  private count = 0;
  /** First point of each polygon. */
  private readonly starts: number[] = [];
  private readonly closed: boolean[] = [];

  clear(): void {
    this.count = 0;
    this.starts.length = 0;
    this.closed.length = 0;
    this.left = this.top = Number.POSITIVE_INFINITY;
    this.right = this.bottom = Number.NEGATIVE_INFINITY;
  }

  /** @param scale pixels of a unit; `dx`, `dy`: where the view begins. */
  path(path: Path, scale: number, dx: number, dy: number): void {
    const s = scale / 10;
    let x = 0;
    let y = 0;
    for (let i = 0; i < path.length; ) {
      const op = path[i++];
      if (op === ops.move || op === ops.line) {
        x = path[i]! * s + dx;
        y = path[i + 1]! * s + dy;
        if (op === ops.move) this.begin();
        this.point(x, y);
        i += 2;
      } else if (op === ops.cubic || op === ops.smooth) {
        const x1 = path[i]! * s + dx;
        const y1 = path[i + 1]! * s + dy;
        const x2 = path[i + 2]! * s + dx;
        const y2 = path[i + 3]! * s + dy;
        const x3 = path[i + 4]! * s + dx;
        const y3 = path[i + 5]! * s + dy;
        this.cubic(x, y, x1, y1, x2, y2, x3, y3);
        x = x3;
        y = y3;
        i += 6;
      } else if (op === ops.quadratic) {
        const [qx, qy] = [path[i]! * s + dx, path[i + 1]! * s + dy];
        const [x3, y3] = [path[i + 2]! * s + dx, path[i + 3]! * s + dy];
        this.cubic(
          x,
          y,
          x + ((qx - x) * 2) / 3,
          y + ((qy - y) * 2) / 3,
          x3 + ((qx - x3) * 2) / 3,
          y3 + ((qy - y3) * 2) / 3,
          x3,
          y3,
        );
        [x, y] = [x3, y3];
        i += 4;
      } else if (op === ops.close) this.closed[this.closed.length - 1] = true;
    }
  }

  ellipse(cx: number, cy: number, rx: number, ry: number): void {
    const pieces = Math.min(MAX_PIECES, Math.max(8, Math.ceil(8 * Math.sqrt(Math.max(rx, ry)))));
    // Its polygon has the area of the ellipse.
    const step = (2 * Math.PI) / pieces;
    const grow = Math.sqrt(step / Math.sin(step));
    this.begin();
    for (let i = 0; i < pieces; i++)
      this.point(cx + rx * grow * Math.cos(i * step), cy + ry * grow * Math.sin(i * step));
    this.closed[this.closed.length - 1] = true;
  }

  rect(x: number, y: number, width: number, height: number): void {
    this.begin();
    this.point(x, y);
    this.point(x + width, y);
    this.point(x + width, y + height);
    this.point(x, y + height);
    this.closed[this.closed.length - 1] = true;
  }

  /** @param alike each polygon runs as the outlines of lines do, so that both may be filled together. */
  fill(sink: EdgeSink, alike: boolean): void {
    const { xs, ys, starts } = this;
    for (let k = 0; k < starts.length; k++) {
      const [first, end] = [starts[k]!, starts[k + 1] ?? this.count];
      if (end - first < 3) continue;
      const back = alike && this.area(first, end) > 0;
      for (let i = first, j = end - 1; i < end; j = i++) {
        if (back) sink.edge(xs[i]!, ys[i]!, xs[j]!, ys[j]!);
        else sink.edge(xs[j]!, ys[j]!, xs[i]!, ys[i]!);
      }
    }
  }

  /** @param half half the width, pixels */
  stroke(sink: EdgeSink, half: number, round: boolean): void {
    for (let k = 0; k < this.starts.length; k++) {
      this.strokeOne(sink, this.starts[k]!, this.starts[k + 1] ?? this.count, this.closed[k]!, half, round);
    }
  }

  private strokeOne(sink: EdgeSink, first: number, end: number, closed: boolean, half: number, round: boolean): void {
    const { xs, ys } = this;
    let last = end - 1;
    // A closed curve comes back to its first point.
    if (closed) while (last > first && this.coincide(first, last)) last--;
    // Points that coincide have no direction between them; few do.
    const next = (i: number): number => {
      let j = i;
      do {
        if (j === last && !closed) return i;
        j = j === last ? first : j + 1;
      } while (j !== i && this.coincide(i, j));
      return j;
    };
    const start = first;
    const i = start;
    let j = next(i);
    if (i === j) {
      if (round) this.cap(sink, xs[i]!, ys[i]!, half, 0, half, 2);
      return;
    }
    let dx = xs[j]! - xs[i]!;
    let dy = ys[j]! - ys[i]!;
    let length = Math.sqrt(dx * dx + dy * dy);
    let nx = (-dy / length) * half;
    let ny = (dx / length) * half;
    const [firstX, firstY] = [nx, ny];
    // Where the left and the right side are.
    let lx = xs[i]! + nx;
    let ly = ys[i]! + ny;
    let rx = xs[i]! - nx;
    let ry = ys[i]! - ny;
    const [startLx, startLy, startRx, startRy] = [lx, ly, rx, ry];
    if (!closed) {
      if (round) this.cap(sink, xs[i]!, ys[i]!, -nx, -ny, half, 1);
      else sink.edge(rx, ry, lx, ly);
    }
    const to = (x: number, y: number, left: boolean): void => {
      if (left) {
        sink.edge(lx, ly, x, y);
        lx = x;
        ly = y;
      } else {
        sink.edge(x, y, rx, ry);
        rx = x;
        ry = y;
      }
    };
    for (;;) {
      const px = xs[j]!;
      const py = ys[j]!;
      const k = next(j);
      const done = closed ? j === start : k === j;
      if (done && !closed) {
        to(px + nx, py + ny, true);
        to(px - nx, py - ny, false);
        if (round) this.cap(sink, px, py, nx, ny, half, 1);
        else sink.edge(lx, ly, rx, ry);
        return;
      }
      let mx = firstX;
      let my = firstY;
      if (!done) {
        dx = xs[k]! - px;
        dy = ys[k]! - py;
        length = Math.sqrt(dx * dx + dy * dy);
        mx = (-dy / length) * half;
        my = (dx / length) * half;
      }
      const cosine = (nx * mx + ny * my) / (half * half);
      if (cosine > MITRE) {
        const grow = 1 / (1 + cosine);
        to(px + (nx + mx) * grow, py + (ny + my) * grow, true);
        to(px - (nx + mx) * grow, py - (ny + my) * grow, false);
      } else {
        to(px + nx, py + ny, true);
        to(px + mx, py + my, true);
        to(px - nx, py - ny, false);
        to(px - mx, py - my, false);
      }
      if (done) {
        // Both sides end where they began.
        to(startLx, startLy, true);
        to(startRx, startRy, false);
        return;
      }
      nx = mx;
      ny = my;
      j = k;
    }
  }

  /** Half (1) or all (2) of a circle, from its centre plus (nx, ny) on, as the end of a line. */
  private cap(sink: EdgeSink, x: number, y: number, nx: number, ny: number, half: number, halves: 1 | 2): void {
    const pieces = CAP_PIECES * halves;
    const start = Math.atan2(ny, nx);
    let px = x + nx;
    let py = y + ny;
    for (let i = 1; i <= pieces; i++) {
      const angle = start - (Math.PI * halves * i) / pieces;
      const qx = x + half * Math.cos(angle);
      const qy = y + half * Math.sin(angle);
      sink.edge(px, py, qx, qy);
      px = qx;
      py = qy;
    }
  }

  private cubic(x0: number, y0: number, x1: number, y1: number, x2: number, y2: number, x3: number, y3: number): void {
    const bend = Math.max(
      Math.abs(x0 - 2 * x1 + x2) + Math.abs(y0 - 2 * y1 + y2),
      Math.abs(x1 - 2 * x2 + x3) + Math.abs(y1 - 2 * y2 + y3),
    );
    const pieces = Math.min(MAX_PIECES, Math.max(1, Math.ceil(Math.sqrt((0.75 / TOLERANCE) * bend))));
    for (let i = 1; i < pieces; i++) {
      const t = i / pieces;
      const u = 1 - t;
      const a = u * u * u;
      const b = 3 * u * u * t;
      const c = 3 * u * t * t;
      const d = t * t * t;
      this.point(a * x0 + b * x1 + c * x2 + d * x3, a * y0 + b * y1 + c * y2 + d * y3);
    }
    this.point(x3, y3);
  }

  private begin(): void {
    this.starts.push(this.count);
    this.closed.push(false);
  }

  private point(x: number, y: number): void {
    if (this.count === this.xs.length) {
      const [xs, ys] = [this.xs, this.ys];
      this.xs = new Float64Array(2 * xs.length);
      this.ys = new Float64Array(2 * ys.length);
      this.xs.set(xs);
      this.ys.set(ys);
    }
    this.xs[this.count] = x;
    this.ys[this.count++] = y;
    if (x < this.left) this.left = x;
    if (x > this.right) this.right = x;
    if (y < this.top) this.top = y;
    if (y > this.bottom) this.bottom = y;
  }

  private coincide(i: number, j: number): boolean {
    return Math.abs(this.xs[j]! - this.xs[i]!) + Math.abs(this.ys[j]! - this.ys[i]!) < 1e-6;
  }

  /** Twice the signed area. */
  private area(first: number, end: number): number {
    const { xs, ys } = this;
    let sum = 0;
    for (let i = first, j = end - 1; i < end; j = i++) sum += xs[j]! * ys[i]! - xs[i]! * ys[j]!;
    return sum;
  }
}
