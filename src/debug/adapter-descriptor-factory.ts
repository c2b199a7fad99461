/** Says how VS Code reaches the debug adapter: the bundled one, or one that a developer started. */
import * as vscode from 'vscode';

export class AdapterDescriptorFactory implements vscode.DebugAdapterDescriptorFactory {
  createDebugAdapterDescriptor(
    _session: vscode.DebugSession,
    executable: vscode.DebugAdapterExecutable | undefined,
  ): vscode.ProviderResult<vscode.DebugAdapterDescriptor> {
    const port = vscode.workspace.getConfiguration('hyperscope').get<number>('debugServerPort', 0);
    if (port > 0) return new vscode.DebugAdapterServer(port, '127.0.0.1');
    return executable;
  }
}
