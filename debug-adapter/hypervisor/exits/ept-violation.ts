/** Exit 48: EPT violation, an access that the second-level map does not allow. */
import { pageOf } from '../../machine/addresses';
import { rightExecute, rightRead, rightWrite } from '../../machine/guest-memory';
import type { RefusedAccessMessage } from '../../machine/intercepts';
import { formatRights } from '../../machine/page-rights';
import { vmcsEncoding, vmcsSlotOffset } from '../../machine/processor-state';
import { eptViolationQualification as layout } from '../../spec/x86/exit-reasons';
import { ExceptionNumber } from '../../spec/x86/exceptions';
import { interruptibilityState } from '../../spec/x86/vmx-controls';
import { extractBits, maskOf } from '../../support/bit-field';
import { injectException } from '../inject-exception';
import { resume, type ExitContext, type ExitHandler, type ExitOutcome } from './exit-handler';
import { accessApicPage, decodeMemoryAccess } from './memory-access';
import { hexadecimal } from '../../support/hexadecimal';
import type { VirtualProcessor } from '../virtual-processor';

const interruptibility = vmcsSlotOffset(vmcsEncoding('GUEST_INTERRUPTIBILITY_INFO'));
const blockingByNmi = maskOf(interruptibilityState, ['blocking by NMI']);

function describeAccess(qualification: bigint): string {
  if (extractBits(qualification, layout.fetch) === 1n) return 'fetched an instruction from';
  if (extractBits(qualification, layout.write) === 1n) return 'wrote to';
  return 'read from';
}

/** What the guest did, where. */
function describeWhere({ exit }: ExitContext): string {
  const { qualification, guestPhysicalAddress, guestLinearAddress } = exit;
  const hasLinear = extractBits(qualification, layout.linearAddressValid) === 1n;
  const linear = hasLinear ? ` (linear ${hexadecimal(guestLinearAddress)})` : '';
  const walk =
    hasLinear && extractBits(qualification, layout.translated) === 0n ? ' during a page walk' : '';
  return (
    `The guest ${describeAccess(qualification)} guest-physical address ` +
    `${hexadecimal(guestPhysicalAddress)}${linear}${walk}`
  );
}

function describe(context: ExitContext): string {
  const { exit, partition } = context;
  return (
    `${describeWhere(context)}, where ${partition.name} has nothing: its RAM ends at ` +
    `${hexadecimal(BigInt(partition.memoryBytes))}. RIP is ${hexadecimal(exit.rip)}.`
  );
}

const accessTypeOf = (qualification: bigint): RefusedAccessMessage['accessType'] => {
  if (extractBits(qualification, layout.fetch) === 1n) return 'execute';
  return extractBits(qualification, layout.write) === 1n ? 'write' : 'read';
};

const rightOfAccess = { read: rightRead, write: rightWrite, execute: rightExecute } as const;

/**
 * An access to a page that is there, without the right to it. The parent is told; as it cannot make the access, the
 * guest waits for the person who has taken the right away. A right given since the exit lets the guest go on.
 */
function refuseAccess(context: ExitContext, gpaPage: number): ExitOutcome {
  const { exit, partition, processor, services } = context;
  const accessType = accessTypeOf(exit.qualification);
  const rights = partition.memory.rightsOf(gpaPage);
  if ((rights & rightOfAccess[accessType]) !== 0) return resume;
  if (partition.memory.isOverlay(gpaPage)) {
    const message = `${describeWhere(context)}, where the hypervisor has laid a page of its own: ${formatRights(rights)}.`;
    return { kind: 'unhandled', message };
  }
  services.charge('intercept');
  const gpa = Number(exit.guestPhysicalAddress);
  const target = { partition: partition.id, processor: processor.index };
  services.intercepts.post({ kind: 'refused-access', ...target, gpa, accessType });
  const message = `${describeWhere(context)}, in a page that its parent has mapped ${formatRights(rights)} (EPT violation).`;
  return { kind: 'access-refused', gpaPage, message };
}

/** An IRET that is done again begins once more while NMIs are blocked (SDM vol. 3, 28.2.3). */
function blockNmis({ state }: VirtualProcessor): void {
  const blocking = state.readU32(interruptibility);
  state.writeU32(interruptibility, blocking | blockingByNmi);
}

/**
 * A write to a page that the hypervisor laid over the guest's raises #GP (TLFS 3.13). The registers of the local APIC lie
 * over whatever a device of the parent has there.
 */
export const handleEptViolation: ExitHandler = (context) => {
  const { exit, partition, processor, services } = context;
  const page = pageOf(Number(exit.guestPhysicalAddress));
  const isWrite = extractBits(exit.qualification, layout.write) === 1n;
  if (isWrite && partition.memory.isOverlay(page)) {
    injectException(processor, ExceptionNumber.GP);
    return resume;
  }
  if (extractBits(exit.qualification, layout.nmiUnblocking) === 1n) blockNmis(processor);
  const isRegisterPage = page === partition.interrupts.registerPage(processor);
  if (!isRegisterPage && partition.memory.isMapped(page)) return refuseAccess(context, page);
  const access = decodeMemoryAccess(context);
  if (access === undefined) return { kind: 'unhandled', message: describe(context) };
  if (isRegisterPage) {
    const timeNs = partition.clock.read(services.timeNs());
    processor.core.answerAccess(accessApicPage(processor, access, timeNs));
    return resume;
  }
  if (!partition.interceptsMemory(access.gpa)) {
    return { kind: 'unhandled', message: describe(context) };
  }
  services.charge('intercept');
  services.intercepts.post({
    kind: 'memory',
    partition: partition.id,
    processor: processor.index,
    ...access,
  });
  return { kind: 'awaits-parent', answer: 'memory' };
};
