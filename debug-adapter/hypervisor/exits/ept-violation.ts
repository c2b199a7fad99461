/** Exit 48: EPT violation, an access that the second-level map does not allow. */
import { pageOf } from '../../machine/addresses';
import { eptViolationQualification as layout } from '../../spec/x86/exit-reasons';
import { ExceptionNumber } from '../../spec/x86/exceptions';
import { extractBits } from '../../support/bit-field';
import { injectException } from '../inject-exception';
import { resume, type ExitContext, type ExitHandler } from './exit-handler';
import { accessApicPage, decodeMemoryAccess } from './memory-access';

const hexadecimal = (value: bigint): string => `0x${value.toString(16)}`;

function describeAccess(qualification: bigint): string {
  if (extractBits(qualification, layout.fetch) === 1n) return 'fetched an instruction from';
  if (extractBits(qualification, layout.write) === 1n) return 'wrote to';
  return 'read from';
}

function describe({ exit, partition }: ExitContext): string {
  const { qualification, guestPhysicalAddress, guestLinearAddress, rip } = exit;
  const hasLinear = extractBits(qualification, layout.linearAddressValid) === 1n;
  const linear = hasLinear ? ` (linear ${hexadecimal(guestLinearAddress)})` : '';
  const walk =
    hasLinear && extractBits(qualification, layout.translated) === 0n ? ' during a page walk' : '';
  return (
    `The guest ${describeAccess(qualification)} guest-physical address ` +
    `${hexadecimal(guestPhysicalAddress)}${linear}${walk}, where ${partition.name} has nothing: its RAM ends at ` +
    `${hexadecimal(BigInt(partition.memoryBytes))}. RIP is ${hexadecimal(rip)}.`
  );
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
  const access = decodeMemoryAccess(context);
  if (access === undefined) return { kind: 'unhandled', message: describe(context) };
  if (page === partition.interrupts.registerPage(processor)) {
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
