/** What the views of all logs do alike for their pages: answer them, and lead to code and to moments. */
import * as vscode from 'vscode';
import { goToMoment } from '../commands/travel-commands';
import type { HyperscopeSessions } from '../debug/hyperscope-sessions';
import { showInstruction } from '../debug/instruction-location';
import { showError } from '../debug/show-error';
import { errorText } from '../presentation/error-text';
import type { LogSource } from './exit-log/exit-log-messages';

/** How a log speaks of its rows. */
export interface LogWords {
  /** `exits` */
  readonly rows: string;
  /** `an exit` */
  readonly row: string;
}

/** What a page is told when its request has failed. */
export interface LogFailure {
  readonly type: 'failed';
  readonly request: number;
  readonly message: string;
}

export class LogRequests {
  constructor(
    private readonly sessions: HyperscopeSessions,
    private readonly words: LogWords,
    private readonly post: (failure: LogFailure) => void,
  ) {}

  /** What the log shows the rows of. */
  get source(): LogSource {
    const current = this.sessions.current;
    if (current === undefined) return { state: 'none' };
    const { session, ended, running } = current;
    const state = ended ? 'ended' : 'live';
    return { state, key: session.id, name: session.name, running };
  }

  /** Asks the live session for what a request of the page wants; tells the page where that fails. */
  async answer(
    request: number,
    fetch: (session: vscode.DebugSession) => Promise<void>,
  ): Promise<void> {
    const { live } = this.sessions;
    try {
      if (live === undefined) {
        throw new Error(`The session has ended; its ${this.words.rows} are no longer in memory.`);
      }
      await fetch(live.session);
    } catch (error) {
      this.post({ type: 'failed', request, message: errorText(error) });
    }
  }

  async goToInstruction(address: string): Promise<void> {
    const { live } = this.sessions;
    try {
      if (live !== undefined) return await showInstruction(live.session, address);
      void vscode.window.showInformationMessage(
        'The session that executed this instruction has ended.',
      );
    } catch (error) {
      showError(error, `Cannot show ${address}: `);
    }
  }

  async goToMoment(moment: Parameters<typeof goToMoment>[1]): Promise<void> {
    try {
      if (await goToMoment(this.sessions, moment)) return;
      const { row } = this.words;
      void vscode.window.showInformationMessage(
        this.sessions.live?.running === true
          ? `The guest is running: pause it to go to the moment of ${row}.`
          : `The session of ${row.replace(/^an? /, 'this ')} has ended.`,
      );
    } catch (error) {
      showError(error);
    }
  }
}
