// The panels open as editor tabs.
import * as vscode from 'vscode';
import { activateExtension, eventually } from './extension-under-test';

/** Labels of all open tabs that show a webview. */
function webviewTabs(): readonly string[] {
  return vscode.window.tabGroups.all
    .flatMap((group) => group.tabs)
    .filter((tab) => tab.input instanceof vscode.TabInputWebview)
    .map((tab) => tab.label);
}

describe('panels', () => {
  before(activateExtension);

  it('opens the VM exit log', async () => {
    await vscode.commands.executeCommand('hyperscope.openExitLog');
    await eventually('the tab', () => webviewTabs().find((label) => /exit log/i.test(label)));
  });
});
