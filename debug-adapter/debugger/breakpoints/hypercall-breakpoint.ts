/** Breakpoints on hypercalls, reached at the VMCALL exit: `hypercall:HvCallPostMessage`, `hypercall:0x5c`, `hypercall:*`. */
import { hypercallByCode, hypercallByName, hypercalls } from '../../spec/tlfs/hypercalls';
import { ExitReasonNumber } from '../../spec/x86/exit-reasons';
import { nearestName } from '../../support/nearest-name';
import { hypercallCodeOf } from '../exits/hypercall-control';
import { commonExitFieldNames, exitFieldNames } from '../exits/exit-fields';
import { noTarget, onEvent, type BreakpointTarget } from './breakpoint';
import { parseNumber } from './event-text';

function onCode(code: number | undefined, title: string): BreakpointTarget {
  const fieldNames = [...commonExitFieldNames, ...(exitFieldNames['VMCALL'] ?? [])];
  return onEvent(
    'vm-exit',
    title,
    fieldNames,
    (exit) =>
      (exit.reason & 0xffff) === ExitReasonNumber.VMCALL &&
      (code === undefined || hypercallCodeOf(exit) === code),
  );
}

/** Resolves what follows `hypercall:`. */
export function resolveHypercallBreakpoint(text: string): BreakpointTarget {
  if (text === '*') return onCode(undefined, 'any hypercall');
  const number = parseNumber(text, 0xffff);
  if (number !== undefined) {
    return onCode(number, hypercallByCode.get(number)?.name ?? `hypercall ${text}`);
  }
  const wanted = text.toLowerCase();
  const row =
    hypercallByName.get(text) ??
    hypercalls.find((candidate) => {
      const name = candidate.name.toLowerCase();
      return name === wanted || name === `hvcall${wanted}`;
    });
  if (row !== undefined) return onCode(row.code, row.name);
  const near = nearestName(
    text,
    hypercalls.map((candidate) => candidate.name),
  );
  const hint =
    near === undefined
      ? 'Give a name of the TLFS, a call code such as 0x5c, or *.'
      : `Did you mean "hypercall:${near}"?`;
  return noTarget(`There is no hypercall "${text}". ${hint}`);
}
