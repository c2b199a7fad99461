/** An access to guest-physical memory that is not RAM: by the local APIC's registers, or by a device of the parent. */
import { answersMost, stateOffsets } from '../../machine/processor-state';
import { eptViolationQualification as layout } from '../../spec/x86/exit-reasons';
import { extractBits } from '../../support/bit-field';
import { readPage, writePage } from '../local-apic/register-access';
import type { VirtualProcessor } from '../virtual-processor';
import type { ExitContext } from './exit-handler';

/** What one exit asks about: at most eight bytes. */
export interface MemoryAccess {
  readonly gpa: number;
  readonly sizeBytes: number;
  readonly direction: 'read' | 'write';
  /** What a write stores; 0 for a read. */
  readonly value: bigint;
}

/** The access that exited; undefined where no device can answer it: fetches and page walks (decision 155). */
export function decodeMemoryAccess({ exit, processor }: ExitContext): MemoryAccess | undefined {
  const { state } = processor;
  const sizeBytes = state.readU32(stateOffsets.accessBytes);
  if (sizeBytes === 0 || state.readU32(stateOffsets.answerCount) >= answersMost) return undefined;
  const isWrite = extractBits(exit.qualification, layout.write) === 1n;
  return {
    gpa: Number(exit.guestPhysicalAddress),
    sizeBytes,
    direction: isWrite ? 'write' : 'read',
    value: isWrite ? state.readU64(stateOffsets.accessValue) : 0n,
  };
}

const pageMask = 0xfff;
const registerMask = 0xff0;
const registerBytes = 4;

/**
 * Registers have 32 bits at multiples of 16. A narrower or wider read takes what of them it covers; a write that is not
 * of the whole register is ignored (SDM vol. 3, 11.4.1 leaves both undefined).
 */
export function accessApicPage(
  { apic }: VirtualProcessor,
  { gpa, sizeBytes, direction, value }: MemoryAccess,
  timeNs: number,
): bigint {
  const register = gpa & registerMask;
  const within = (gpa & pageMask) - register;
  if (direction === 'write') {
    const isWhole = within === 0 && sizeBytes >= registerBytes;
    if (isWhole) writePage(apic, register, Number(value & 0xffffffffn), timeNs);
    return 0n;
  }
  if (within >= registerBytes) return 0n;
  return BigInt(readPage(apic, register, timeNs) >>> (within * 8));
}
