/** A breakpoint as the client sees it. */
import { hex } from '../debugger/value-format';
import type { DebugProtocol } from '@vscode/debugprotocol';
import type { Breakpoint } from '../debugger/breakpoints/breakpoint';
import { fileNameOf } from '../debugger/symbols/source-paths';
import type { SessionState } from './session-state';

/**
 * Body of a breakpoint in responses and events.
 * @param path source file in which it was set, if it was
 * @param wantedLine line from 1 where the person set it, for one that has no other
 */
export function describeBreakpoint(
  session: SessionState,
  { id, target }: Breakpoint,
  path?: string,
  wantedLine?: number,
): DebugProtocol.Breakpoint {
  const source = path === undefined ? {} : { source: { path, name: fileNameOf(path) } };
  const known = target.kind === 'code' ? (target.line ?? wantedLine) : wantedLine;
  const line = known === undefined ? {} : { line: session.lineToClient(known) };
  switch (target.kind) {
    case 'none':
      return { id, verified: false, message: target.message, ...source, ...line };
    case 'event':
      return { id, verified: true, message: `Stops at ${target.title}` };
    case 'code': {
      const [first] = target.addresses;
      const reference = first === undefined ? {} : { instructionReference: hex(first) };
      return { id, verified: true, ...reference, ...source, ...line };
    }
  }
}
