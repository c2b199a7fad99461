/** Numbers that stand for expandable values on the wire; valid until the machine runs on. */
import type { DebuggedThread } from '../debugger/debugged-machine';
import type { VariableNode } from '../debugger/inspection/variable-node';
import { UserError } from '../support/user-error';

/** Children behind a reference, computed anew at each look. */
export interface VariableContainer {
  readonly thread: DebuggedThread;
  readonly nodes: () => readonly VariableNode[];
}

/** The references that clients hold now. */
export class VariableReferences {
  private containers = new Map<number, VariableContainer>();
  private next = 1;

  add(container: VariableContainer): number {
    const reference = this.next++;
    this.containers.set(reference, container);
    return reference;
  }

  /** @throws UserError where the reference is unknown or no longer valid */
  get(reference: number): VariableContainer {
    const container = this.containers.get(reference);
    if (container !== undefined) return container;
    throw new UserError(
      'stale-reference',
      `There are no variables ${reference}; the guest has moved on.`,
    );
  }

  /** Makes every reference invalid; numbers are not used again. */
  clear(): void {
    this.containers = new Map();
  }
}
