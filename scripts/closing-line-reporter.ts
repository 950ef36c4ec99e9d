import { writeFileSync } from 'node:fs';
import type { Reporter, TestModule } from 'vitest/node';

/** Counts a run for the closing line of `npm test`: prints it, or leaves it in PROTOMEM_TEST_COUNTS to be added up. */
export default class ClosingLineReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    const count = { passed: 0, failed: errors.length, skipped: 0 };
    for (const module of modules) {
      count.failed += module.errors().length;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state !== 'pending') count[state]++;
      }
    }
    const file = process.env.PROTOMEM_TEST_COUNTS;
    if (file) writeFileSync(file, JSON.stringify(count));
    else console.log(`${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped`);
  }
}
