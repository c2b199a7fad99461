/** Breakpoints on port accesses: `io:0x3f8`, `io:COM1`, `io:0xe9:w`, `io:*:r`. */
import { portRanges } from '../../spec/pc/port-names';
import { ExitReasonNumber, ioQualification } from '../../spec/x86/exit-reasons';
import { extractBits } from '../../support/bit-field';
import { nearestName } from '../../support/nearest-name';
import { hex } from '../value-format';
import { commonExitFieldNames, exitFieldNames } from '../exits/exit-fields';
import { noTarget, onEvent, type BreakpointTarget } from './breakpoint';
import { parseAccess, parseNumber } from './event-text';

/** First and last port of `0x3f8`, `COM1` or `*`; undefined where the text is neither. */
function portsOf(
  text: string,
): { readonly first: number; readonly last: number; readonly name: string } | undefined {
  if (text === '*') return { first: 0, last: 0xffff, name: 'any port' };
  const wanted = text.toUpperCase();
  const range = portRanges.find(({ name }) => name === wanted);
  if (range !== undefined) {
    return { first: range.first, last: range.first + range.count - 1, name: range.name };
  }
  const port = parseNumber(text, 0xffff);
  return port === undefined ? undefined : { first: port, last: port, name: `port ${hex(port)}` };
}

function refusal(text: string, subject: string): BreakpointTarget {
  const near = nearestName(
    subject,
    portRanges.map((range) => range.name),
  );
  const hint =
    near === undefined
      ? 'write io:0xe9, io:COM1, io:0xe9:w (write) or io:0xe9:r (read).'
      : `did you mean "io:${near}"?`;
  return noTarget(`"io:${text}" is no port; ${hint}`);
}

/** Resolves what follows `io:`. */
export function resolveIoBreakpoint(text: string): BreakpointTarget {
  const { subject, access } = parseAccess(text);
  const ports = portsOf(subject);
  if (access === undefined || ports === undefined) return refusal(text, subject);
  const { first, last, name } = ports;
  const title = access === 'both' ? `access to ${name}` : `${access} of ${name}`;
  const fieldNames = [...commonExitFieldNames, ...(exitFieldNames['IO_INSTRUCTION'] ?? [])];
  return onEvent('vm-exit', title, fieldNames, (exit) => {
    if ((exit.reason & 0xffff) !== ExitReasonNumber.IO_INSTRUCTION) return false;
    const isRead = extractBits(exit.qualification, ioQualification.direction) === 1n;
    const accessed = Number(extractBits(exit.qualification, ioQualification.port));
    if (access !== 'both' && (access === 'read') !== isRead) return false;
    return accessed >= first && accessed <= last;
  });
}
