import type { Moment } from './session.ts';

/** A canvas of the width that it has on the page, cleared, in CSS pixels; and the page's colours. */
function begin(canvas: HTMLCanvasElement, height: number) {
  const ratio = window.devicePixelRatio;
  const width = canvas.clientWidth || 300;
  canvas.width = width * ratio;
  canvas.height = height * ratio;
  canvas.style.height = `${height}px`;
  const context = canvas.getContext('2d')!;
  context.scale(ratio, ratio);
  context.font = '12px system-ui, sans-serif';
  const style = getComputedStyle(canvas);
  const colour = (name: string, other: string): string => style.getPropertyValue(name) || other;
  return {
    ...{ context, width },
    ink: colour('--vp-c-text-2', '#555'),
    line: colour('--vp-c-divider', '#ccc'),
    brand: colour('--vp-c-brand-1', '#3451b2'),
  };
}

/** A curve with its axes; `low` and `high` bound y, which else is the data's. */
export function lines(
  canvas: HTMLCanvasElement,
  points: readonly { readonly x: number; readonly y: number }[],
  { low, high, dots = false }: { readonly low: number; readonly high?: number; readonly dots?: boolean },
): void {
  const height = 180;
  const { context, width, ink, line, brand } = begin(canvas, height);
  const [left, bottom, top] = [36, height - 22, 10];
  const xs = Math.max(1, ...points.map(({ x }) => x));
  const ys = high ?? Math.max(1, ...points.map(({ y }) => y)) * 1.05;
  const at = ({ x, y }: { readonly x: number; readonly y: number }): [number, number] => [
    left + (x / xs) * (width - left - 10),
    bottom - ((Math.max(low, y) - low) / (ys - low)) * (bottom - top),
  ];
  context.fillStyle = ink;
  context.strokeStyle = line;
  for (const part of [0, 0.5, 1]) {
    const y = low + part * (ys - low);
    const [, row] = at({ x: 0, y });
    context.beginPath();
    context.moveTo(left, row);
    context.lineTo(width - 10, row);
    context.stroke();
    context.textAlign = 'right';
    context.fillText(y.toFixed(1), left - 6, row + 4);
    context.textAlign = 'center';
    if (points.length > 0) context.fillText(String(Math.round(part * xs)), at({ x: part * xs, y })[0], height - 5);
  }
  context.strokeStyle = context.fillStyle = brand;
  context.lineWidth = 1.5;
  context.beginPath();
  for (const point of points) context.lineTo(...at(point));
  context.stroke();
  if (!dots) return;
  for (const point of points) {
    context.beginPath();
    context.arc(...at(point), 3, 0, 2 * Math.PI);
    context.fill();
  }
}

/** The batch's faces, and beside each its cosines to all prototypes: blue is alike, red is opposite. */
export function heatMap(
  canvas: HTMLCanvasElement,
  { pixels, cosines, rows, columns, own }: Moment,
  size: number,
): void {
  const width = canvas.clientWidth || 300;
  const cell = (width - 30) / columns;
  const side = Math.max(14, Math.min(24, cell));
  const { context, brand } = begin(canvas, rows * side);
  const face = new OffscreenCanvas(size, size);
  const paint = face.getContext('2d')!;
  for (let row = 0; row < rows; row++) {
    const picture = paint.createImageData(size, size);
    for (let i = 0; i < size * size; i++) {
      picture.data.set(pixels.subarray(3 * (row * size * size + i), 3 * (row * size * size + i) + 3), 4 * i);
      picture.data[4 * i + 3] = 255;
    }
    paint.putImageData(picture, 0, 0);
    context.drawImage(face, 0, row * side, side, side);
    for (let column = 0; column < columns; column++) {
      const cosine = cosines[row * columns + column]!;
      context.fillStyle = `rgb(${cosine > 0 ? '47 111 219' : '217 98 43'} / ${Math.min(1, Math.abs(cosine))})`;
      context.fillRect(30 + column * cell, row * side, cell - 0.5, side - 0.5);
    }
    context.strokeStyle = brand;
    context.lineWidth = 2;
    context.strokeRect(31 + own[row]! * cell, row * side + 1, cell - 2.5, side - 2.5);
  }
}
