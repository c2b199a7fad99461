// Runs the real test suite inside the extension host and leaves a receipt of how it went.
// VS Code in the browser reports success when its extension host dies in the middle; the receipt shows the difference.
const fs = require('node:fs');

/** @returns {Promise<void>} */
exports.run = async () => {
  const { HYPERSCOPE_TESTS: tests, HYPERSCOPE_RECEIPT: receipt } = process.env;
  if (tests === undefined || receipt === undefined) throw new Error('no suite or receipt is named');
  let outcome = 'failed';
  try {
    await require(tests).run();
    outcome = 'passed';
  } finally {
    fs.writeFileSync(receipt, outcome);
  }
};
