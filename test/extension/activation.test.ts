// The manifest's promises: what it contributes exists once the extension is active.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as vscode from 'vscode';
import { activateExtension } from './extension-under-test';

interface Manifest {
  readonly contributes: {
    readonly commands: readonly { readonly command: string }[];
    readonly debuggers: readonly { readonly type: string }[];
    readonly views: Readonly<Record<string, readonly { readonly id: string }[]>>;
  };
}

describe('activation', () => {
  let manifest: Manifest;

  before(async () => {
    const extension = await activateExtension();
    manifest = JSON.parse(readFileSync(join(extension.extensionPath, 'package.json'), 'utf8'));
  });

  it('registers every command of the manifest', async () => {
    const registered = new Set(await vscode.commands.getCommands(true));
    const missing = manifest.contributes.commands
      .map(({ command }) => command)
      .filter((command) => !registered.has(command));
    assert.deepEqual(missing, []);
  });

  it('contributes the debugger', () => {
    assert.deepEqual(
      manifest.contributes.debuggers.map(({ type }) => type),
      ['hyperscope'],
    );
  });

  it('can focus every view of the manifest', async () => {
    for (const { id } of Object.values(manifest.contributes.views).flat()) {
      await vscode.commands.executeCommand(`${id}.focus`);
    }
  });
});
