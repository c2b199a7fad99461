/** The checks of VM entry (SDM vol. 3, 27.2 and 27.3), made after an edit, and what their failure is. */
import { findControlProblem } from './entry-checks/control-checks';
import { EntryState, type EntryFailure, type EntryPart } from './entry-checks/entry-state';
import { nonRegisterChecks } from './entry-checks/non-register-checks';
import { registerChecks } from './entry-checks/register-checks';
import { segmentChecks } from './entry-checks/segment-checks';

/** VM-instruction error "VM entry with invalid control field(s)" (SDM vol. 3, table 31-1). */
export const invalidControlFields = 7;

const guestChecks = [...registerChecks, ...segmentChecks, ...nonRegisterChecks];

/** Why VM entry would fail; undefined where it would succeed. Host state is not used, so it is not checked. */
export function findEntryFailure(part: EntryPart): EntryFailure | undefined {
  const state = new EntryState(part);
  const control = findControlProblem(state);
  if (control !== undefined) {
    const { field, section, problem } = control;
    return { field, section, problem, ends: 'vm-fail', qualification: 0n };
  }
  const check = guestChecks.find((each) => each.fails(state));
  if (check === undefined) return undefined;
  const { field, section, problem, qualification = 0n } = check;
  return { field, section, problem, ends: 'exit', qualification };
}

/** A failure in words. */
export function describeEntryFailure({ field, section, problem }: EntryFailure): string {
  return `${field} ${problem} (SDM vol. 3, ${section})`;
}

/** What VM entry would refuse, in words; undefined where it would succeed. */
export function findEntryProblem(part: EntryPart): string | undefined {
  const failure = findEntryFailure(part);
  return failure === undefined ? undefined : describeEntryFailure(failure);
}

/** How VM entry would fail, and for what; undefined where it would succeed. */
export function foreseeEntryFailure(part: EntryPart): string | undefined {
  const failure = findEntryFailure(part);
  if (failure === undefined) return undefined;
  const outcome =
    failure.ends === 'vm-fail'
      ? `VM-instruction error ${invalidControlFields}, invalid control field`
      : 'exit reason 33, invalid guest state';
  return `${outcome}: ${describeEntryFailure(failure)}`;
}
