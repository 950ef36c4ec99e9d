/** Steps at which something happened, each as often as it did, with their mean and the first of them at hand. */
export class StepCounts {
  private readonly counts = new Map<number, number>();
  private size = 0;
  private sum = 0;
  /** No step before it is counted. */
  private earliest = 0;

  add(step: number): void {
    if (this.size === 0) this.earliest = step;
    this.earliest = Math.min(this.earliest, step);
    this.counts.set(step, (this.counts.get(step) ?? 0) + 1);
    this.size++;
    this.sum += step;
  }

  /** Takes out a step that is counted. */
  remove(step: number): void {
    const left = this.counts.get(step)! - 1;
    if (left > 0) this.counts.set(step, left);
    else this.counts.delete(step);
    this.size--;
    this.sum -= step;
  }

  clear(): void {
    this.counts.clear();
    [this.size, this.sum, this.earliest] = [0, 0, 0];
  }

  get mean(): number {
    return this.sum / this.size;
  }

  /** Goes past each step once in the life of the counts, since steps are only added behind it. */
  get first(): number {
    if (this.size === 0) return this.earliest;
    while (!this.counts.has(this.earliest)) this.earliest++;
    return this.earliest;
  }
}
