/**
 * How often a function of ours runs before the JavaScript engine optimizes it. Its own number suits pages that go on
 * for hours; most of what becomes hot in the boot of a guest is at its end before the work of optimizing it is repaid.
 */
import { setFlagsFromString } from 'node:v8';

/** Bytes of bytecode that a function runs through for each step towards optimized code: four times V8's number. */
const interruptBudget = 4 * 67_584;

/** For V8 11, of Node 20. Later ones count calls instead, and have a quick compiler in between: nothing is gained there. */
export function optimizeLater(): void {
  if (!process.versions.v8.startsWith('11.')) return;
  setFlagsFromString(`--interrupt-budget=${interruptBudget}`);
}
