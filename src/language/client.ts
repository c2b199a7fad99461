/** Starts the language server for guest assembly and connects VS Code to it. */
import * as vscode from 'vscode';
import { LanguageClient, TransportKind, type ServerOptions } from 'vscode-languageclient/node';

export const guestAssemblyLanguage = 'hyperscope-asm';

/**
 * Starts the server in a process of its own, and stops it with the extension. A server that cannot start leaves
 * highlighting in place; the client tells the person.
 */
export async function startLanguageClient(
  context: vscode.ExtensionContext,
): Promise<LanguageClient> {
  const module = vscode.Uri.joinPath(context.extensionUri, 'dist', 'language-server.cjs').fsPath;
  const server: ServerOptions = { module, transport: TransportKind.ipc };
  const client = new LanguageClient('hyperscope.guestAssembly', 'Guest Assembly', server, {
    documentSelector: [
      { scheme: 'file', language: guestAssemblyLanguage },
      { scheme: 'untitled', language: guestAssemblyLanguage },
    ],
  });
  context.subscriptions.push(client);
  await client.start();
  return client;
}
