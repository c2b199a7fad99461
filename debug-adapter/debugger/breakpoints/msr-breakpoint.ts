/** Breakpoints on intercepted MSR accesses: `msr:0x40000000:w`, `msr:IA32_EFER`, `msr:*`. */
import { processorMsrs } from '../../machine/processor-msrs';
import { ExitReasonNumber } from '../../spec/x86/exit-reasons';
import { msrByName, msrs } from '../../spec/x86/msrs';
import { nearestName } from '../../support/nearest-name';
import { hex } from '../value-format';
import { commonExitFieldNames, exitFieldNames } from '../exits/exit-fields';
import { noTarget, onEvent, type BreakpointTarget } from './breakpoint';
import { parseAccess, parseNumber } from './event-text';

/** Resolves what follows `msr:`. */
export function resolveMsrBreakpoint(text: string): BreakpointTarget {
  const { subject, access } = parseAccess(text);
  if (access === undefined) {
    return noTarget(`"msr:${text}" has an unknown access; write :w (write) or :r (read).`);
  }
  const named = msrByName.get(subject.toUpperCase())?.number;
  const number = subject === '*' ? undefined : (named ?? parseNumber(subject, 0xffffffff));
  if (number === undefined && subject !== '*') {
    const near = nearestName(
      subject,
      msrs.map((row) => row.name),
    );
    const hint = near === undefined ? 'Give a number or a name.' : `Did you mean "msr:${near}"?`;
    return noTarget(`There is no MSR "${subject}". ${hint}`);
  }
  if (number !== undefined && processorMsrs.has(number)) {
    return noTarget(
      `MSR ${hex(number)} never exits: the MSR bitmap gives guests the register itself. ` +
        'Stop at the instruction instead.',
    );
  }
  const name = number === undefined ? 'any MSR that exits' : `MSR ${hex(number)}`;
  const title = access === 'both' ? `access to ${name}` : `${access} of ${name}`;
  const fieldNames = [...commonExitFieldNames, ...(exitFieldNames['MSR_WRITE'] ?? [])];
  return onEvent('vm-exit', title, fieldNames, (exit) => {
    const reason = exit.reason & 0xffff;
    const isRead = reason === ExitReasonNumber.MSR_READ;
    if (!isRead && reason !== ExitReasonNumber.MSR_WRITE) return false;
    if (access !== 'both' && (access === 'read') !== isRead) return false;
    return number === undefined || Number((exit.registers[1] ?? 0n) & 0xffffffffn) === number;
  });
}
