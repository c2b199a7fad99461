/** What the views of all logs do alike for their pages: answer them, and lead to code and to moments. */
import * as vscode from 'vscode';
import type { EventKindName } from '../../debug-adapter/protocol/event-log';
import { goToMoment } from '../commands/travel-commands';
import type { HyperscopeSessions } from '../debug/hyperscope-sessions';
import { showInstruction } from '../debug/instruction-location';
import { showError } from '../debug/show-error';
import { errorText } from '../presentation/error-text';
import type { LogFailure, LogName, LogSource, LogWish } from './log-messages';
import type { PageReady } from './panel-webview';

/** How a log speaks of its rows. */
export interface LogWords {
  /** `exits` */
  readonly rows: string;
  /** `an exit` */
  readonly row: string;
}

/** The command that shows a row in a log, as the context menus of the pages have it. */
const showRowCommands: Readonly<Record<LogName, string>> = {
  exits: 'hyperscope.showInExitLog',
  traffic: 'hyperscope.showInVmbusTraffic',
  events: 'hyperscope.showInEventLog',
};

/** What a command gets from the context menu of a row. */
export interface RowTarget {
  readonly rowId: string;
  readonly rowKind: EventKindName;
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

  /** Does what every page may wish. */
  async grant(wish: Exclude<LogWish, PageReady>): Promise<void> {
    switch (wish.type) {
      case 'goToInstruction':
        return this.goToInstruction(wish.address);
      case 'goToMoment':
        return this.goToMoment(wish);
      case 'showRow':
        await vscode.commands.executeCommand(showRowCommands[wish.log], {
          rowId: wish.id,
          rowKind: wish.kind,
        } satisfies RowTarget);
        return;
      case 'copy':
        return vscode.env.clipboard.writeText(wish.text);
      case 'run':
        await vscode.commands.executeCommand(`hyperscope.${wish.command}`);
    }
  }

  private async goToInstruction(address: string): Promise<void> {
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

  private async goToMoment(moment: Parameters<typeof goToMoment>[1]): Promise<void> {
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
