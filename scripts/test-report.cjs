// Mocha reporter: failures at once, one line per suite, and the totals as JSON for scripts/test.mjs.
const fs = require('node:fs');
const path = require('node:path');
const Mocha = require('mocha');

const { EVENT_SUITE_END, EVENT_TEST_FAIL, EVENT_TEST_PASS, EVENT_TEST_PENDING, EVENT_RUN_END } =
  Mocha.Runner.constants;

/**
 * Tests of a suite and its children that never began, because something before them failed.
 * @param {Mocha.Suite} suite
 * @returns {string[]}
 */
function notReached(suite) {
  const own = suite.tests.filter((test) => test.state === undefined && !test.isPending());
  return [...own.map((test) => test.fullTitle()), ...suite.suites.flatMap(notReached)];
}

/**
 * @param {Mocha.Suite} suite
 * @returns {Mocha.Test[]}
 */
function allTests(suite) {
  return [...suite.tests, ...suite.suites.flatMap(allTests)];
}

module.exports = class TestReport extends Mocha.reporters.Base {
  /** @param {Mocha.Runner} runner */
  constructor(runner) {
    super(runner);
    let passed = 0;
    /** @type {string[]} */
    const failures = [];
    /** @type {string[]} */
    const skipped = [];
    runner.on(EVENT_TEST_PASS, () => passed++);
    runner.on(EVENT_TEST_PENDING, (test) => skipped.push(test.fullTitle()));
    runner.on(EVENT_TEST_FAIL, (test, error) => {
      failures.push(test.fullTitle());
      console.log(
        `    FAILED ${test.fullTitle()}\n${describeError(error).replace(/^/gm, '      ')}`,
      );
    });
    runner.on(EVENT_SUITE_END, (suite) => {
      if (suite.root || !suite.parent?.root) return;
      const tests = allTests(suite);
      const good = tests.filter((test) => test.state === 'passed').length;
      const ms = tests.reduce((sum, test) => sum + (test.duration ?? 0), 0);
      console.log(`    ${suite.title}: ${good} of ${tests.length} in ${ms} ms`);
    });
    runner.once(EVENT_RUN_END, () => {
      const root = runner.suite;
      skipped.push(...notReached(root).map((title) => `${title} (not reached)`));
      const file = process.env.HYPERSCOPE_REPORT;
      if (file === undefined) return;
      fs.mkdirSync(path.dirname(file), { recursive: true });
      fs.writeFileSync(file, JSON.stringify({ passed, failures, skipped }));
    });
  }
};

/**
 * @param {Error & { actual?: unknown, expected?: unknown, showDiff?: boolean }} error
 * @returns {string}
 */
function describeError(error) {
  const stack = String(error?.stack ?? error);
  const { actual, expected } = error ?? {};
  if (typeof actual !== 'string' || typeof expected !== 'string') return stack;
  return `${stack}\n${Mocha.reporters.Base.generateDiff(actual, expected)}`;
}
