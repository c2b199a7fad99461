// Commands that open and start guests, step by instruction, and show where a processor is.
import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import { customRequest } from '../../debug-adapter/protocol/custom-requests';
import { activateExtension, eventually, workspaceFolder } from './extension-under-test';

const sample = (name: string, extension: string): vscode.Uri =>
  vscode.Uri.joinPath(workspaceFolder().uri, name, `${name}.${extension}`);

describe('guest commands', () => {
  before(() => activateExtension());

  afterEach(async () => {
    await vscode.debug.stopDebugging();
    await eventually('the end of the session', () =>
      vscode.debug.activeDebugSession === undefined ? true : undefined,
    );
  });

  /** The session, once its guest is stopped on entry. */
  async function stoppedSession(): Promise<vscode.DebugSession> {
    return eventually('a guest that is stopped', () => {
      const item = vscode.debug.activeStackItem;
      return item instanceof vscode.DebugStackFrame ? item.session : undefined;
    });
  }

  async function rip(session: vscode.DebugSession): Promise<string> {
    const body = await session.customRequest(customRequest.partitions, {});
    return body.partitions[1].processors[0].rip;
  }

  it('opens the source of a sample by name', async () => {
    await vscode.commands.executeCommand('hyperscope.openSampleGuest', 'page-fault-lab');
    const path = vscode.window.activeTextEditor?.document.uri.path ?? '';
    assert.match(path, /\/guests\/page-fault-lab\/page-fault-lab\.s$|page-fault-lab\.s$/);
  });

  it('debugs the guest of a source, as the code lens asks', async () => {
    const source = sample('hello-partition', 's').toString();
    await vscode.commands.executeCommand('hyperscope.debugGuest', source);
    const session = await stoppedSession();
    assert.equal(session.name, 'Debug hello-partition');
    assert.equal(session.configuration['program'], sample('hello-partition', 'elf').fsPath);
  });

  it('runs the guest of the active editor without a launch configuration', async () => {
    await vscode.window.showTextDocument(sample('hello-partition', 's'));
    const started = await vscode.debug.startDebugging(workspaceFolder(), {
      type: 'hyperscope',
      request: 'launch',
      name: '',
    });
    assert.equal(started, true);
    const session = await stoppedSession();
    assert.equal(session.configuration['program'], sample('hello-partition', 'elf').fsPath);
  });

  it('steps by instruction while a source editor has the focus', async () => {
    await vscode.commands.executeCommand('hyperscope.debugGuest', sample('hello-partition', 's'));
    const session = await stoppedSession();
    const before = await rip(session);
    await eventually('the processor to move', async () => {
      await vscode.commands.executeCommand('hyperscope.stepInstruction');
      return (await rip(session)) === before ? undefined : true;
    });
  });

  it('shows where a processor is, in its source', async () => {
    await vscode.commands.executeCommand('hyperscope.debugGuest', sample('hello-partition', 's'));
    const session = await stoppedSession();
    await vscode.commands.executeCommand('workbench.action.closeAllEditors');
    const processor = { rip: await rip(session) };
    await vscode.commands.executeCommand('hyperscope.goToProcessor', { processor });
    const editor = vscode.window.activeTextEditor;
    assert.match(editor?.document.uri.path ?? '', /hello-partition\.s$/);
    const line = editor?.document.lineAt(editor.selection.active.line).text ?? '';
    assert.match(line, /xor\s+ebp, ebp/);
  });

  it('shows a listing where no source is known', async () => {
    await vscode.commands.executeCommand('hyperscope.debugGuest', sample('hello-partition', 's'));
    await stoppedSession();
    await vscode.commands.executeCommand('hyperscope.goToProcessor', {
      processor: { rip: '0x80000' },
    });
    const document = vscode.window.activeTextEditor?.document;
    assert.equal(document?.uri.scheme, 'hyperscope-listing');
    assert.match(document.getText(), /^=> {2}\S+.*# 0x80000/m);
  });

  it('takes a right from a page, at which the guest then stops, and gives it back', async () => {
    const stops: string[] = [];
    const tracker = vscode.debug.registerDebugAdapterTrackerFactory('hyperscope', {
      createDebugAdapterTracker: () => ({
        onDidSendMessage({ event, body }: { event?: string; body?: { description?: string } }) {
          if (event === 'stopped') stops.push(body?.description ?? '');
        },
      }),
    });
    const { showInputBox } = vscode.window;
    const protect = async (answer: string): Promise<void> => {
      // A person would type it; that what is typed wrong is not taken stands in the tests of the text.
      Object.assign(vscode.window, { showInputBox: () => Promise.resolve(answer) });
      const partition = { id: 2, name: 'hello-partition' };
      await vscode.commands.executeCommand('hyperscope.protectPages', { partition });
    };
    const goOn = async (): Promise<string> => {
      const before = stops.length;
      await vscode.commands.executeCommand('workbench.action.debug.continue');
      return eventually('a stop', () => stops.slice(before).at(-1));
    };
    try {
      await vscode.commands.executeCommand('hyperscope.debugGuest', sample('hello-partition', 's'));
      const session = await stoppedSession();
      const before = await rip(session);
      await protect('0x100000 1 rw-');
      assert.equal(await goOn(), 'Access refused: guest page 0x100');
      assert.equal(await rip(session), before);
      await protect('0x100000 1 rwx');
      assert.equal(await goOn(), 'Halted');
    } finally {
      Object.assign(vscode.window, { showInputBox });
      tracker.dispose();
    }
  });
});
