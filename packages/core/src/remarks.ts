import { short } from './errors.ts';
import { printable } from './text.ts';

/** What a source says of its data besides the images that it hands over: nothing is dropped or guessed silently. */
export interface SourceRemark {
  /**
   * - `passed over`: was not read.
   * - `assumed`: the data leave it open, and this is how it was taken.
   * - `in conflict`: the data contradict themselves or lack a part; the reason says what was gone by.
   */
  readonly kind: 'passed over' | 'assumed' | 'in conflict';
  /** In the plural, such as `files that end in .bmp`. */
  readonly reason: string;
  readonly count: number;
  /** The first ones by name, at most {@link EXAMPLES}. */
  readonly examples: readonly string[];
}

const EXAMPLES = 3;
/** Reasons kept apart; names may be anything, so their endings may be, too. */
const REASONS = 50;
/** Reasons told. */
const LINES = 20;

/** Collects remarks while data are looked through; memory does not grow with the data. */
export class Remarks {
  private readonly found = new Map<string, { -readonly [K in keyof SourceRemark]: SourceRemark[K] }>();

  /** @param example names one of them. */
  add(kind: SourceRemark['kind'], reason: string, example: string): void {
    const known = this.found.get(`${kind} ${reason}`);
    if (!known && this.found.size >= REASONS && reason !== OTHER) {
      this.add(kind, OTHER, example);
      return;
    }
    const remark = known ?? { kind, reason, count: 0, examples: [] };
    if (!known) this.found.set(`${kind} ${reason}`, remark);
    remark.count++;
    if (remark.examples.length < EXAMPLES) remark.examples = [...remark.examples, example];
  }

  /** By reason, as they came. */
  list(): SourceRemark[] {
    return [...this.found.values()];
  }
}

const OTHER = 'things for other reasons';

/**
 * Remarks in lines for a person, what is in conflict first.
 *
 * @example
 * ```ts
 * for (const line of remarkLines(source.remarks)) console.log(line);
 * // passed over: files that end in .bmp: 2 (Ada/1.bmp; Ada/2.bmp)
 * ```
 */
export function remarkLines(remarks: readonly SourceRemark[] = []): string[] {
  const order: readonly SourceRemark['kind'][] = ['in conflict', 'assumed', 'passed over'];
  const sorted = [...remarks].sort((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind));
  const lines = sorted.slice(0, LINES).map(({ kind, reason, count, examples }) => {
    const named = examples.map((example) => short(printable(example))).join('; ');
    return `${kind}: ${reason}: ${count.toLocaleString('en')} (${named}${count > examples.length ? '; ...' : ''})`;
  });
  const rest = sorted.slice(LINES);
  const more = rest.reduce((sum, { count }) => sum + count, 0);
  return rest.length > 0 ? [...lines, `and ${more.toLocaleString('en')} for ${rest.length} more reasons`] : lines;
}
