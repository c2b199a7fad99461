/** Stepping by instruction whatever editor has the focus; VS Code itself does so in the Disassembly View only. */
import type { AnnouncedStepArguments } from '../../debug-adapter/protocol/custom-requests';
import { focusedThreadId } from '../debug/focused-thread';
import { showError } from '../debug/show-error';
import type { HyperscopeSessions } from '../debug/hyperscope-sessions';

export type StepRequest = 'stepIn' | 'next' | 'stepBack';

/** Sends a step of one instruction for the focused virtual processor. */
export async function stepByInstruction(
  sessions: HyperscopeSessions,
  request: StepRequest,
): Promise<void> {
  const live = sessions.live;
  if (live === undefined || live.running) return;
  try {
    const threadId = await focusedThreadId(live.session);
    if (threadId === undefined) return;
    const args: AnnouncedStepArguments = {
      threadId,
      granularity: 'instruction',
      announceContinued: true,
    };
    await live.session.customRequest(request, args);
  } catch (error) {
    showError(error);
  }
}
