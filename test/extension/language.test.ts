// Language features of guest assembly, asked for through VS Code as the editor does.
import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import { activateExtension, eventually, workspaceFolder } from './extension-under-test';

/** Position of the first place where `text` occurs, `offset` characters in. */
function find(document: vscode.TextDocument, text: string, offset = 0): vscode.Position {
  const index = document.getText().indexOf(text);
  assert.ok(index >= 0, `the sample contains ${text}`);
  return document.positionAt(index + offset);
}

function hoverText(hovers: readonly vscode.Hover[]): string {
  return hovers
    .flatMap((hover) => hover.contents)
    .map((content) => (typeof content === 'string' ? content : content.value))
    .join('\n');
}

describe('language features of guest assembly', () => {
  let document: vscode.TextDocument;

  before(async () => {
    await activateExtension();
    const file = vscode.Uri.joinPath(workspaceFolder().uri, 'hello-partition/hello-partition.s');
    document = await vscode.workspace.openTextDocument(file);
    await vscode.window.showTextDocument(document);
  });

  const hover = (position: vscode.Position): Promise<string> =>
    eventually('a hover', async () => {
      const hovers = await vscode.commands.executeCommand<vscode.Hover[]>(
        'vscode.executeHoverProvider',
        document.uri,
        position,
      );
      return hovers.length > 0 ? hoverText(hovers) : undefined;
    });

  const hovers: readonly { readonly at: string; readonly says: RegExp }[] = [
    { at: 'HvCallNotifyLongSpinWait | HYPERCALL_FAST', says: /0x0*8\b/ },
    { at: 'HV_X64_MSR_GUEST_OS_ID', says: /0x40000000/ },
    { at: 'cpuid\n', says: /CPUID/i },
    { at: 'wrmsr', says: /WRMSR/i },
  ];
  for (const { at, says } of hovers) {
    it(`hover of ${at.trim()} says ${String(says)}`, async () => {
      assert.match(await hover(find(document, at, 1)), says);
    });
  }

  it('lists the labels as symbols', async () => {
    const symbols = await eventually('document symbols', () =>
      vscode.commands.executeCommand<vscode.DocumentSymbol[] | undefined>(
        'vscode.executeDocumentSymbolProvider',
        document.uri,
      ),
    );
    const names = symbols.map((symbol) => symbol.name);
    for (const label of ['_start', 'detect'])
      assert.ok(names.includes(label), `${label} in ${names}`);
  });

  it('goes from a jump to its label', async () => {
    const places = await vscode.commands.executeCommand<(vscode.Location | vscode.LocationLink)[]>(
      'vscode.executeDefinitionProvider',
      document.uri,
      find(document, 'jnc     no_hypervisor', 9),
    );
    const [place] = places;
    assert.ok(place, 'there is a definition');
    const range = 'range' in place ? place.range : place.targetRange;
    assert.match(document.lineAt(range.start.line).text, /^no_hypervisor:/);
  });

  it('offers to debug the guest above its code', async () => {
    const lenses = await eventually('a code lens', async () => {
      const found = await vscode.commands.executeCommand<vscode.CodeLens[]>(
        'vscode.executeCodeLensProvider',
        document.uri,
        10,
      );
      return found.length > 0 ? found : undefined;
    });
    assert.ok(lenses.some((lens) => /Debug this guest/i.test(lens.command?.title ?? '')));
  });
});
