/** One node of the Variables view. Making and reading nodes has no side effects. */
import type { HostInput } from '../../machine/host-input';

/** A named value, perhaps with children, perhaps editable. */
export interface VariableNode {
  readonly name: string;
  readonly value: string;
  /** Width or encoding, shown as type. */
  readonly type?: string;
  /** Expression that yields the same value. */
  readonly evaluateName?: string;
  /** Linear address that the value refers to, for memory views. */
  readonly address?: bigint;
  readonly children?: () => readonly VariableNode[];
  /** The input that sets the value; absent where it cannot be set. */
  readonly edit?: (value: bigint) => HostInput;
}

/** A top-level group of the Variables view. */
export interface VariableScope {
  readonly name: string;
  /** True where computing the children costs so much that it should wait until asked for. */
  readonly expensive: boolean;
  readonly isRegisters: boolean;
  readonly children: () => readonly VariableNode[];
}
