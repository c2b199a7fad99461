/** The VM exit of a walk that the second-level map refused (SDM vol. 3, table 28-7). */
import type { AccessKind } from '../../machine/processor';
import { stateOffsets } from '../../machine/processor-state';
import type { ProcessorContext } from '../processor-context';
import { causeExit, exitReason } from '../vmx/vm-exits';
import type { PageWalker } from './page-walk';

const accessBit: Readonly<Record<AccessKind, number>> = { read: 1, write: 2, execute: 4 };
const linearValid = 0x80;
const translated = 0x100;

/**
 * Exits with what `walker` met on the way to `linear`; a paging structure is read, or written for its A and D bits. It is
 * no access that a device could answer, which `accessBytes` says.
 */
export function causeWalkViolation(
  context: ProcessorContext,
  walker: PageWalker,
  linear: bigint,
  access: AccessKind,
): void {
  const rights = context.memory.rightsOf(walker.gpaPage) << 3;
  const kind = walker.isStructure
    ? accessBit[walker.structureAccess] | linearValid
    : accessBit[access] | linearValid | translated;
  const address = walker.isStructure
    ? BigInt(walker.structureAddress)
    : BigInt(walker.gpaPage) * 4096n + (linear & 0xfffn);
  context.state.writeU32(stateOffsets.accessBytes, 0);
  causeExit(context, exitReason.EPT_VIOLATION, {
    qualification: BigInt(kind | rights),
    guestPhysicalAddress: address,
    guestLinearAddress: linear,
  });
}
