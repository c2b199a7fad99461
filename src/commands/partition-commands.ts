/** Commands about one partition while others go on: it is paused, saved, deleted, restored, started. */
import * as vscode from 'vscode';
import { customRequest, type PartitionInfo } from '../../debug-adapter/protocol/custom-requests';
import type { HyperscopeSessions } from '../debug/hyperscope-sessions';
import { requestFromAdapter } from '../debug/session-requests';
import { showError } from '../debug/show-error';
import { parsePageRights } from '../presentation/page-rights-text';
import { bytesText } from '../presentation/quantity-text';

const filters = { 'Saved partition': ['hyperscope-partition'] };

/** What a menu of the Partitions view is on. */
export interface PartitionTarget {
  readonly partition: Pick<PartitionInfo, 'id' | 'name'>;
}

/** @returns once the machine has it as an input; the reason of a refusal is shown */
export async function setPartitionPaused(
  sessions: HyperscopeSessions,
  { partition }: PartitionTarget,
  isPaused: boolean,
): Promise<void> {
  const args = { partition: partition.id, isPaused };
  await withSession(sessions, (session) =>
    requestFromAdapter(session, customRequest.pausePartition, args),
  );
}

/** Asks which pages a guest may use how, and has its parent map them so. */
export async function protectPages(
  sessions: HyperscopeSessions,
  { partition }: PartitionTarget,
): Promise<void> {
  await withSession(sessions, async (session) => {
    const text = await vscode.window.showInputBox({
      title: `Protect Guest Pages of ${partition.name}`,
      prompt: 'Address of the first page, how many, and their rights.',
      placeHolder: '0x123000 4 r--',
      validateInput: (input) =>
        parsePageRights(input) === undefined
          ? 'A page address, a count, and ---, r--, rw-, r-x or rwx.'
          : undefined,
    });
    const wanted = text === undefined ? undefined : parsePageRights(text);
    if (wanted === undefined) return;
    const args = { partition: partition.id, ...wanted };
    await requestFromAdapter(session, customRequest.protectPages, args);
  });
}

/** Asks for a file and saves one guest there, which goes on. */
export async function savePartition(
  sessions: HyperscopeSessions,
  { partition }: PartitionTarget,
): Promise<void> {
  await withSession(sessions, async (session) => {
    const title = `Save Partition ${partition.name}`;
    const file = await vscode.window.showSaveDialog({ title, filters });
    if (file === undefined) return;
    const args = { partition: partition.id, path: file.fsPath };
    const { sizeBytes } = await requestFromAdapter(session, customRequest.savePartition, args);
    void vscode.window.showInformationMessage(
      `"${partition.name}" is saved: ${bytesText(sizeBytes)} in ${file.fsPath}.`,
    );
  });
}

/** Asks for a saved partition and puts it into its place; one that is there is deleted first. */
export async function restorePartition(
  sessions: HyperscopeSessions,
  { partition }: PartitionTarget,
): Promise<void> {
  await withSession(sessions, async (session) => {
    const title = `Restore Partition ${partition.name}`;
    const [file] = (await vscode.window.showOpenDialog({ title, filters })) ?? [];
    if (file === undefined) return;
    const args = { partition: partition.id, path: file.fsPath };
    await requestFromAdapter(session, customRequest.restorePartition, args);
  });
}

/** Takes a guest apart; going back in time brings it back. */
export async function deletePartition(
  sessions: HyperscopeSessions,
  { partition }: PartitionTarget,
): Promise<void> {
  const args = { partition: partition.id };
  await withSession(sessions, (session) =>
    requestFromAdapter(session, customRequest.deletePartition, args),
  );
}

/** Starts a guest as at power-on that has ended or been deleted. */
export async function startPartition(
  sessions: HyperscopeSessions,
  { partition }: PartitionTarget,
): Promise<void> {
  const args = { partition: partition.id };
  await withSession(sessions, (session) =>
    requestFromAdapter(session, customRequest.startPartition, args),
  );
}

/** Shows the reason where something is refused. */
async function withSession(
  { live }: HyperscopeSessions,
  act: (session: vscode.DebugSession) => Promise<unknown>,
): Promise<void> {
  if (live === undefined) return;
  try {
    await act(live.session);
  } catch (error) {
    showError(error);
  }
}
