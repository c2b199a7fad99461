/** Shows the instruction at an address: in its source where lines are known, else in a listing. */
import * as vscode from 'vscode';
import { listingUri } from './listing-provider';
import { disassemble } from './disassembly-request';

/** Opens the editor that shows `address` (a `0x…` string) best. Throws what the adapter refuses. */
export async function showInstruction(
  session: vscode.DebugSession,
  address: string,
): Promise<void> {
  const [instruction] = await disassemble(session, address, 0, 1);
  const path = instruction?.location?.path;
  if (path !== undefined && instruction?.line !== undefined) {
    const uri = sourceUri(path);
    if (await exists(uri)) return showLine(uri, instruction.line - 1);
  }
  const uri = listingUri(session, address);
  const document = await vscode.workspace.openTextDocument(uri);
  const shown = await vscode.languages.setTextDocumentLanguage(document, 'hyperscope-asm');
  const line = shown
    .getText()
    .split('\n')
    .findIndex((text) => text.startsWith('=>'));
  await showLine(uri, Math.max(line, 0));
}

/**
 * VS Code turns paths in responses into addresses where the extension host is remote; seen from this host, those are
 * ordinary files.
 */
function sourceUri(path: string): vscode.Uri {
  const isAddress = /^[a-z][a-z\d+.-]+:\/\//i.test(path);
  return vscode.Uri.file(isAddress ? vscode.Uri.parse(path).fsPath : path);
}

async function showLine(uri: vscode.Uri, line: number): Promise<void> {
  const at = new vscode.Range(line, 0, line, 0);
  const editor = await vscode.window.showTextDocument(uri, { selection: at, preview: true });
  const text = editor.document.lineAt(Math.min(line, editor.document.lineCount - 1)).range;
  editor.selection = new vscode.Selection(text.start, text.start);
  editor.revealRange(text, vscode.TextEditorRevealType.InCenterIfOutsideViewport);
}

async function exists(uri: vscode.Uri): Promise<boolean> {
  try {
    await vscode.workspace.fs.stat(uri);
    return true;
  } catch {
    return false;
  }
}
