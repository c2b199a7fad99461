/** Breakpoints on port accesses: `io:0x3f8`, `io:0xe9:w`, `io:*:r`. */
import { ExitReasonNumber, ioQualification } from '../../spec/x86/exit-reasons';
import { extractBits } from '../../support/bit-field';
import { hex } from '../value-format';
import { commonExitFieldNames, exitFieldNames } from '../exits/exit-fields';
import { noTarget, onEvent, type BreakpointTarget } from './breakpoint';
import { parseAccess, parseNumber } from './event-text';

/** Resolves what follows `io:`. */
export function resolveIoBreakpoint(text: string): BreakpointTarget {
  const { subject, access } = parseAccess(text);
  const port = subject === '*' ? undefined : parseNumber(subject, 0xffff);
  if (access === undefined || (port === undefined && subject !== '*')) {
    return noTarget(
      `"io:${text}" is no port; write io:0xe9, io:0xe9:w (write) or io:0xe9:r (read).`,
    );
  }
  const name = port === undefined ? 'any port' : `port ${hex(port)}`;
  const title = access === 'both' ? `access to ${name}` : `${access} of ${name}`;
  const fieldNames = [...commonExitFieldNames, ...(exitFieldNames['IO_INSTRUCTION'] ?? [])];
  return onEvent('vm-exit', title, fieldNames, (exit) => {
    if ((exit.reason & 0xffff) !== ExitReasonNumber.IO_INSTRUCTION) return false;
    const isRead = extractBits(exit.qualification, ioQualification.direction) === 1n;
    const accessed = Number(extractBits(exit.qualification, ioQualification.port));
    if (access !== 'both' && (access === 'read') !== isRead) return false;
    return port === undefined || accessed === port;
  });
}
