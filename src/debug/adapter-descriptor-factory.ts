/** Says how VS Code reaches the debug adapter: the bundled one, or one that a developer started. */
import * as vscode from 'vscode';

/** What the build says of the memory of processes that run guests; for the C library, which reads it at the start. */
declare const memoryTunables: string;

export class AdapterDescriptorFactory implements vscode.DebugAdapterDescriptorFactory {
  createDebugAdapterDescriptor(
    _session: vscode.DebugSession,
    executable: vscode.DebugAdapterExecutable | undefined,
  ): vscode.ProviderResult<vscode.DebugAdapterDescriptor> {
    const port = vscode.workspace.getConfiguration('hyperscope').get<number>('debugServerPort', 0);
    if (port > 0) return new vscode.DebugAdapterServer(port, '127.0.0.1');
    if (executable === undefined) return undefined;
    const { command, args, options } = executable;
    const GLIBC_TUNABLES = process.env['GLIBC_TUNABLES'] ?? memoryTunables;
    const env = { GLIBC_TUNABLES, ...options?.env };
    return new vscode.DebugAdapterExecutable(command, args, { ...options, env });
  }
}
