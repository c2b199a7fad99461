/** Which virtual processor a command without an argument means. */
import * as vscode from 'vscode';
import { customRequest } from '../../debug-adapter/protocol/custom-requests';
import { requestFromAdapter } from './session-requests';

/** @returns the DAP thread id of the focused processor, else of the first guest's first one */
export async function focusedThreadId(session: vscode.DebugSession): Promise<number | undefined> {
  const item = vscode.debug.activeStackItem;
  if (item !== undefined && item.session.id === session.id) return item.threadId;
  const body = await requestFromAdapter(session, customRequest.partitions, {});
  const guest = body.partitions.find((partition) => partition.kind === 'guest');
  return guest?.processors[0]?.threadId;
}
