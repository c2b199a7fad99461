/** Read-only documents that show disassembled memory of a session where no source is known. */
import * as vscode from 'vscode';
import { disassemble } from './disassembly-request';
import type { HyperscopeSessions } from './hyperscope-sessions';
import { listingText } from './listing-text';

export const listingScheme = 'hyperscope-listing';

const instructionsBefore = 24;
const instructionsShown = 64;

/** Address of the listing around `address` in a session. */
export function listingUri(session: vscode.DebugSession, address: string): vscode.Uri {
  return vscode.Uri.from({ scheme: listingScheme, path: `/${address}.s`, query: session.id });
}

export class ListingProvider implements vscode.TextDocumentContentProvider {
  constructor(private readonly sessions: HyperscopeSessions) {}

  async provideTextDocumentContent(uri: vscode.Uri): Promise<string> {
    const address = uri.path.slice(1, -2);
    const live = this.sessions.live;
    if (live === undefined || live.session.id !== uri.query) {
      return `# The session that had ${address} in memory has ended.\n`;
    }
    const lines = await disassemble(live.session, address, -instructionsBefore, instructionsShown);
    return listingText(lines, address);
  }
}
