// The package works where it is installed: nothing it needs was left behind in the repository.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../../../scripts/vscode-host/paths.mjs';
import { lineOf } from '../sample-source';
import { waitFor, WorkbenchSession } from '../workbench-session';

const cpuidLine = lineOf('        cpuid');

interface Manifest {
  readonly name: string;
  readonly version: string;
}

describe('the package, installed', () => {
  let workbench: WorkbenchSession;

  before(async () => {
    const manifest: Manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    const vsix = join(root, `${manifest.name}-${manifest.version}.vsix`);
    workbench = await WorkbenchSession.open({ vsix });
  });

  after(() => workbench.close());

  afterEach(async function () {
    if (this.currentTest?.state === 'failed') await workbench.screenshot('failure-packaged');
  });

  it('starts the sample with F5 and stops on entry', async () => {
    await workbench.openSample('hello-partition');
    await workbench.page.keyboard.press('F5');
    await workbench.waitForPause(/(stopped|paused) on entry/i);
  });

  it('stops on a hypercall and lists the exits before it', async () => {
    await workbench.addFunctionBreakpoint('hypercall:HvCallNotifyLongSpinWait');
    await workbench.page.keyboard.press('F5');
    await workbench.waitForPause(/HvCallNotifyLongSpinWait/);
    await workbench.run('Hyperscope: Open VM Exit Log');
    const log = await workbench.webview('[role="grid"]');
    await waitFor('rows', async () =>
      (await log.locator('[role="row"]').allInnerTexts()).some((text) => /VMCALL/.test(text)),
    );
    await workbench.screenshot('packaged');
  });

  it('answers hovers from its language server', async () => {
    await workbench.page.locator('.tab', { hasText: 'hello-partition.s' }).click();
    await workbench.goToLine(cpuidLine);
    assert.match(await workbench.hoverWord(cpuidLine, 'cpuid'), /CPUID/);
  });
});
