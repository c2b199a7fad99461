/** Saving the machine of a session to a file, and going on with one. */
import * as vscode from 'vscode';
import { customRequest, debugType } from '../../debug-adapter/protocol/custom-requests';
import type { HyperscopeSessions } from '../debug/hyperscope-sessions';
import { requestFromAdapter } from '../debug/session-requests';
import { showError } from '../debug/show-error';
import { bytesText } from '../presentation/quantity-text';

const filters = { 'Saved machine': ['hyperscope-machine'] };

/** Asks for a file and saves the stopped machine there. */
export async function saveMachine(sessions: HyperscopeSessions): Promise<void> {
  const live = sessions.live;
  if (live === undefined || live.running) return;
  const target = await vscode.window.showSaveDialog({ title: 'Save Machine', filters });
  if (target === undefined) return;
  try {
    const { sizeBytes } = await requestFromAdapter(live.session, customRequest.saveMachine, {
      path: target.fsPath,
    });
    void vscode.window.showInformationMessage(
      `The machine is saved: ${bytesText(sizeBytes)} in ${target.fsPath}.`,
    );
  } catch (error) {
    showError(error);
  }
}

/** Asks for a saved machine and starts a session that goes on with it. */
export async function restoreMachine(): Promise<void> {
  const [file] = (await vscode.window.showOpenDialog({ title: 'Restore Machine', filters })) ?? [];
  if (file === undefined) return;
  await vscode.debug.startDebugging(undefined, {
    type: debugType,
    request: 'launch',
    name: `Restored ${file.path.split('/').at(-1) ?? ''}`,
    restore: file.fsPath,
  });
}
