/** Number of at most `digits` digits after the point, thousands apart: 12,345.6; a dash for what is no number. */
export function decimal(value: number, digits = 0): string {
  return Number.isFinite(value) ? value.toLocaleString('en-US', { maximumFractionDigits: digits }) : '\u2013';
}

/** 0.8794 as 87.9. */
export function percent(value: number, digits = 1): string {
  return (100 * value).toFixed(digits);
}

/** A rate as people write it: 1e-3, 2.7e-3, 5 %. */
export function rate(value: number): string {
  if (value >= 0.01 || value === 0) return `${decimal(100 * value, 2)} %`;
  const short = value.toExponential(1).replace('.0e', 'e');
  return short.replace('e-', 'e\u2212');
}

/** 4,271 seconds as 1 h 11 min. */
export function duration(seconds: number): string {
  if (!(seconds >= 59.5)) return `${decimal(seconds, seconds < 10 ? 1 : 0)} s`;
  const whole = Math.round(seconds);
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  const minutes = Math.round(seconds / 60);
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** 2026-11-23, 21:53 UTC. */
export function moment(iso: string): string {
  const date = new Date(iso);
  return Number.isNaN(date.getTime()) ? iso : `${date.toISOString().slice(0, 16).replace('T', ', ')} UTC`;
}
