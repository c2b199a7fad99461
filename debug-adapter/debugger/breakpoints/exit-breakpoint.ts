/** Breakpoints on VM exits by reason: `exit:CPUID`, `exit:48`, `exit:*`. */
import { exitReasonByName, exitReasonByNumber, exitReasons } from '../../spec/x86/exit-reasons';
import { nearestName } from '../../support/nearest-name';
import { eventFieldNames } from '../event-fields';
import { commonExitFieldNames, exitFieldNames } from '../exits/exit-fields';
import { noTarget, onEvent, type BreakpointTarget } from './breakpoint';
import { parseNumber } from './event-text';

/** Fields that exits of `reason` have; of any exit where it is undefined. */
function fieldNamesOf(reason: number | undefined): readonly string[] {
  if (reason === undefined) return eventFieldNames('vm-exit');
  const name = exitReasonByNumber.get(reason)?.name ?? '';
  return [...commonExitFieldNames, ...(exitFieldNames[name] ?? [])];
}

function onReason(reason: number | undefined, title: string): BreakpointTarget {
  return onEvent(
    'vm-exit',
    title,
    fieldNamesOf(reason),
    (exit) => reason === undefined || (exit.reason & 0xffff) === reason,
  );
}

/** Resolves what follows `exit:`. */
export function resolveExitBreakpoint(text: string): BreakpointTarget {
  if (text === '*') return onReason(undefined, 'any VM exit');
  const number = parseNumber(text, 0xffff);
  if (number !== undefined) {
    const known = exitReasonByNumber.get(number);
    if (known === undefined) return noTarget(`No exit reason has the number ${number}.`);
    return onReason(number, `VM exit ${known.name}`);
  }
  const wanted = text.toUpperCase().replaceAll(/[\s-]+/g, '_');
  const row = exitReasonByName.get(wanted);
  if (row !== undefined) return onReason(row.number, `VM exit ${row.name}`);
  const near = nearestName(
    wanted,
    exitReasons.map((candidate) => candidate.name),
  );
  const hint =
    near === undefined
      ? 'Give a name of SDM vol. 3, appendix C, a number, or *.'
      : `Did you mean "exit:${near}"?`;
  return noTarget(`There is no exit reason "${text}". ${hint}`);
}
