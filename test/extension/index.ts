// Entry point of the suite that VS Code loads into its extension host.
import Mocha from 'mocha';
import report from '../../scripts/test-report.cjs';

/** Runs all tests; rejects when one fails, which makes VS Code exit with an error. */
export async function run(): Promise<void> {
  const mocha = new Mocha({ ui: 'bdd', timeout: 30_000, reporter: report });
  // Defines describe() and it() before the files that call them are evaluated.
  mocha.suite.emit(Mocha.Suite.constants.EVENT_FILE_PRE_REQUIRE, globalThis, '', mocha);
  await import('./activation.test');
  await import('./preparation.test');
  await import('./debug-session.test');
  await import('./guest-commands.test');
  await import('./language.test');
  const failures = await new Promise<number>((resolve) => mocha.run(resolve));
  if (failures > 0) throw new Error(`${failures} tests failed`);
}
