/** Every scope of the Variables view. */
import type { DebuggedMachine, DebuggedThread } from '../debugged-machine';
import type { AddressNamer } from '../value-format';
import { inspectionScopes } from './inspection-scopes';
import { pageWalkScope } from './page-walk-scope';
import { registerScopes } from './register-scopes';
import type { VariableScope } from './variable-node';
import { vmcsScope } from './vmcs-scope';

/** The scopes of a thread, in their order. */
export function scopesOf(
  machine: DebuggedMachine,
  thread: DebuggedThread,
  nameOf: AddressNamer,
): readonly VariableScope[] {
  return [
    ...registerScopes(thread, nameOf),
    vmcsScope(thread, nameOf),
    ...inspectionScopes(machine, thread),
    pageWalkScope(thread),
  ];
}
