/** The page-walk scope: how RIP and RSP are translated, level by level. */
import { bit, bits, namesOfSetBits, type BitField } from '../../support/bit-field';
import type { DebuggedThread } from '../debugged-machine';
import { registerNamed } from '../registers';
import { hex } from '../value-format';
import { bitNodes } from './register-scopes';
import type { VariableNode, VariableScope } from './variable-node';

/** Bits of a 4-level paging-structure entry (SDM vol. 3, table 4-15 and following). */
const entryBits: readonly BitField[] = [
  bit(0, 'P'),
  bit(1, 'R/W'),
  bit(2, 'U/S'),
  bit(3, 'PWT'),
  bit(4, 'PCD'),
  bit(5, 'A'),
  bit(6, 'D'),
  bit(7, 'PS'),
  bit(8, 'G'),
  bits(51, 12, 'address'),
  bit(63, 'XD'),
];

/** The walk of one linear address as a node. */
export function pageWalkNode(name: string, thread: DebuggedThread, address: bigint): VariableNode {
  const { core } = thread.processor;
  const translation = core.translate(address, 'read');
  const outcome =
    translation.kind === 'mapped'
      ? `GPA ${hex(translation.gpa)}`
      : translation.kind === 'fault'
        ? `#PF, error code ${hex(translation.errorCode)}`
        : 'not canonical';
  return {
    name,
    value: `${hex(address)} → ${outcome}`,
    children: () =>
      core.walk(address).map((level) => ({
        name: level.name,
        value: `${hex(level.entry)} at ${hex(level.entryAddress)} [${namesOfSetBits(level.entry, entryBits).join(' ')}]`,
        children: () => bitNodes(level.entry, entryBits),
      })),
  };
}

/** Walks of the addresses that a thread uses now. */
export function pageWalkScope(thread: DebuggedThread): VariableScope {
  const { state } = thread.processor.core;
  return {
    name: 'Page walk',
    expensive: true,
    isRegisters: false,
    children: () =>
      ['rip', 'rsp', 'cr2'].map((name) =>
        pageWalkNode(name.toUpperCase(), thread, registerNamed(name).read(state)),
      ),
  };
}
