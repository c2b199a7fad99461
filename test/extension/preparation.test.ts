// The debug adapter is prepared in the background once the extension is active, and not again.
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cacheFolder } from '../../debug-adapter/host/kept-files';
import { AdapterPreparation } from '../../src/debug/adapter-preparation';
import { activateExtension, eventually } from './extension-under-test';

/** What is kept, and when it was written: the suite has a cache folder of its own. */
function keptFiles(): readonly string[] {
  try {
    return readdirSync(cacheFolder())
      .filter((name) => /^(debug-adapter-.*[.]compiled|interpreter-.*[.]translated)$/.test(name))
      .map((name) => `${name} ${statSync(join(cacheFolder(), name)).ino}`)
      .sort();
  } catch {
    return [];
  }
}

describe('preparation', () => {
  const folder = mkdtempSync(join(tmpdir(), 'hyperscope-record-'));
  after(() => rmSync(folder, { recursive: true }));

  it('leaves the bytecode of the adapter and the interpreter after activation', async () => {
    await activateExtension();
    const names = await eventually(
      'the kept files',
      () => (keptFiles().length >= 2 ? keptFiles() : undefined),
      60_000,
    );
    assert.match(names.join('\n'), /^debug-adapter-\S+[.]compiled \d+\ninterpreter-/);
  }).timeout(60_000);

  it('is done once', async () => {
    const { extensionPath } = await activateExtension();
    const said: string[] = [];
    const say = (text: string | Error): number => said.push(String(text));
    // What a window has that is opened later: the files, and nothing of this process.
    const activateAgain = (): Promise<void> =>
      new AdapterPreparation(
        {
          program: join(extensionPath, 'dist/debug-adapter.cjs'),
          version: '0.1.0',
          record: join(folder, 'storage/prepared'),
        },
        { info: say, error: say },
      ).run();
    await activateAgain();
    assert.match(said.join('\n'), /^Preparing [^\n]+\nThe debug adapter is prepared, [^\n]+$/);
    const kept = keptFiles();
    said.length = 0;
    await activateAgain();
    assert.deepEqual(said, [
      'The debug adapter is not prepared. The debug adapter was prepared before.',
    ]);
    assert.deepEqual(keptFiles(), kept);
  }).timeout(60_000);

  it('says in the log why a program cannot be prepared, and tries again the next time', async () => {
    const said: string[] = [];
    const say = (text: string | Error): number => said.push(String(text));
    const record = join(folder, 'broken-record');
    const program = join(folder, 'broken.cjs');
    writeFileSync(program, 'throw new Error("no such thing");');
    const files = { program, version: '0.1.0', record };
    for (let time = 0; time < 2; time++) {
      said.length = 0;
      await new AdapterPreparation(files, { info: say, error: say }).run();
      const last = said.at(-1) ?? '';
      assert.match(
        last,
        /^The debug adapter cannot be prepared: it ended with 1[.].*no such thing/s,
      );
    }
  });
});
