// The assertion of most tidy checks: a list of findings that should be empty.
import assert from 'node:assert/strict';

/**
 * Fails with one line per finding.
 * @param advice what to do about them, where the findings do not say it themselves
 */
export function expectNone(findings: readonly string[], advice = 'findings'): void {
  if (findings.length > 0) assert.fail(`${advice}:\n  ${findings.join('\n  ')}`);
}
