/** Going to another position in a guest's time. */
import * as vscode from 'vscode';
import { customRequest } from '../../debug-adapter/protocol/custom-requests';
import { focusedThreadId } from '../debug/focused-thread';
import { reportingErrors } from '../debug/show-error';
import type { HyperscopeSessions } from '../debug/hyperscope-sessions';
import { requestFromAdapter } from '../debug/session-requests';
import { countText } from '../presentation/quantity-text';
import { parsePosition } from '../presentation/position-text';

/** Asks for a position and goes there. */
export async function goToPosition(sessions: HyperscopeSessions): Promise<void> {
  const live = sessions.live;
  if (live === undefined || live.running) return;
  await reportingErrors(async () => {
    const { position, endPosition } = await requestFromAdapter(
      live.session,
      customRequest.partitions,
      {},
    );
    const text = await vscode.window.showInputBox({
      title: 'Go to Position',
      prompt: `The guest is at position ${countText(position)}; it has come to ${countText(endPosition)}. A position, or a distance: +1000, -1000.`,
      value: String(position),
      validateInput: (input) =>
        parsePosition(input, position) === undefined ? 'A whole number from 0.' : undefined,
    });
    const target = text === undefined ? undefined : parsePosition(text, position);
    if (target === undefined) return;
    const threadId = await focusedThreadId(live.session);
    await requestFromAdapter(live.session, customRequest.goToPosition, {
      position: target,
      ...(threadId === undefined ? {} : { threadId }),
    });
  });
}

/**
 * Goes to the moment of an exit, seen by the processor that exited.
 * @returns false where that is not possible now, because the guest runs or has ended
 */
export async function goToMoment(
  sessions: HyperscopeSessions,
  moment: { readonly position: number; readonly partition: number; readonly processor: number },
): Promise<boolean> {
  const live = sessions.live;
  if (live === undefined || live.running) return false;
  const { partitions } = await requestFromAdapter(live.session, customRequest.partitions, {});
  const partition = partitions.find(({ id }) => id === moment.partition);
  const processor = partition?.processors.find(({ index }) => index === moment.processor);
  await requestFromAdapter(live.session, customRequest.goToPosition, {
    position: moment.position,
    ...(processor === undefined ? {} : { threadId: processor.threadId }),
  });
  return true;
}
